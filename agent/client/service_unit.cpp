// SPDX-License-Identifier: Apache-2.0
#include "agent/client/service_unit.h"

#include <dirent.h>
#include <glob.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <memory>
#include <optional>

#include "agent/config/config.h"
#include "core/file_system.h"
#include "core/text.h"

namespace postern::agent {
namespace {

constexpr std::size_t kMaxFile = 256 << 10;
constexpr std::size_t kMaxFiles = 200;  // drop-ins, environment files of one pattern
/// The first folder that has a file of a name wins.
constexpr const char* kFolders[] = {"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
                                    "/usr/lib/systemd/system", "/lib/systemd/system"};
constexpr const char* kManagerFolders[] = {"/etc/systemd", "/run/systemd", "/usr/local/lib/systemd",
                                           "/usr/lib/systemd"};

struct Setting {
    std::string section, key, value;
};

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

std::vector<Setting> parse_unit(std::string_view text) {
    std::vector<Setting> out;
    std::string section, line;
    while (!text.empty()) {
        const auto end = text.find('\n');
        const std::string_view raw = core::trimmed(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        if (raw.starts_with('#') || raw.starts_with(';')) continue;  // also between lines that go on
        line += raw;
        if (line.ends_with('\\') && !text.empty()) {
            line.back() = ' ';
            continue;
        }
        const std::string whole = std::exchange(line, {});
        if (whole.starts_with('[')) {
            section = whole.substr(1, whole.find(']') - 1);
        } else if (const auto sign = whole.find('='); sign != std::string::npos) {
            const std::string_view view = whole;
            out.push_back({section, std::string(core::trimmed(view.substr(0, sign))),
                           std::string(core::trimmed(view.substr(sign + 1)))});
        }
    }
    return out;
}

/// Words apart by blanks; quotes keep blanks, a backslash the next character, "%%" is a percent sign.
std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> out;
    char quote = 0;
    bool in_word = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quote == 0 && is_blank(c)) {
            in_word = false;
            continue;
        }
        if (!std::exchange(in_word, true)) out.emplace_back();
        if (c == quote) {
            quote = 0;
        } else if (quote == 0 && (c == '"' || c == '\'')) {
            quote = c;
        } else if (c == '\\' && i + 1 < text.size()) {
            const char next = text[++i];
            out.back() += next == 'n' ? '\n' : next == 't' ? '\t' : next == 's' ? ' ' : next;
        } else {
            if (c == '%' && i + 1 < text.size() && text[i + 1] == '%') ++i;
            out.back() += c;
        }
    }
    return out;
}

bool is_variable(std::string_view name) {
    const auto fits = [](char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0; };
    return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
           std::all_of(name.begin(), name.end(), fits);
}

void assign(std::map<std::string, std::string>& to, const std::string& assignments) {
    for (const std::string& word : words_of(assignments)) {
        const auto sign = word.find('=');
        if (sign != std::string::npos && is_variable(word.substr(0, sign)))
            to[word.substr(0, sign)] = word.substr(sign + 1);
    }
}

bool is_on(const std::string& value) {
    const std::string word = core::lowered(value);
    return word == "yes" || word == "true" || word == "on" || word == "1";
}

class Reader {
  public:
    Reader(std::string name, std::string root) : name_(std::move(name)), root_(std::move(root)) {}

    ServiceUnit read() {
        for (const char* folder : kFolders) {
            const std::string path = std::string(folder) + "/" + name_;
            const auto text = file(path);
            if (!text) continue;
            unit_.path = path;
            if (text->empty()) return {};  // a link to /dev/null: masked
            manager();
            apply(*text);
            for (const std::string& drop_in : drop_ins({name_ + ".d", "service.d"}, kFolders)) {
                if (const auto more = file(drop_in)) apply(*more);
            }
            break;
        }
        if (unit_.path.empty()) return {};
        for (const auto& [key, value] : environment_)
            unit_.environment[key] = value;
        for (const std::string& named : environment_files_)
            environment_file(named);
        for (const std::string& name : unset_)
            unit_.environment.erase(name);
        return unit_;
    }

  private:
    static core::Message why_not(const core::Error& error) {
        return error.sys != 0 ? core::Message(std::string(std::strerror(error.sys))) : core::Message("not a file");
    }

    /// Nullopt if it is missing or can't be read; the latter is noted.
    std::optional<std::string> file(const std::string& path) {
        auto text = core::read_file(root_ + path, kMaxFile);
        if (text) return std::move(*text);
        if (text.error().code != core::Code::kFileMissing)
            unit_.not_read.push_back(core::message("{}: {}", path, why_not(text.error())));
        return std::nullopt;
    }

    std::vector<std::string> names(const std::string& folder) const {
        std::vector<std::string> out;
        const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir((root_ + folder).c_str()), ::closedir);
        while (open != nullptr && out.size() < kMaxFiles) {
            const dirent* entry = ::readdir(open.get());
            if (entry == nullptr) break;
            if (std::string_view(entry->d_name).ends_with(".conf")) out.emplace_back(entry->d_name);
        }
        return out;
    }

    /// In the order of their names, whatever the folder; of one name the first counts.
    template <std::size_t n>
    std::vector<std::string> drop_ins(const std::vector<std::string>& below, const char* const (&folders)[n]) const {
        std::map<std::string, std::string> found;
        for (const std::string& sub : below) {
            for (const char* folder : folders) {
                const std::string whole = std::string(folder) + "/" + sub;
                for (const std::string& name : names(whole))
                    found.emplace(name, whole + "/" + name);
            }
        }
        std::vector<std::string> out;
        for (auto& [name, path] : found)
            out.push_back(std::move(path));
        return out;
    }

    /// Proxies for every service often stand here.
    void manager() {
        std::vector<std::string> paths{"/etc/systemd/system.conf"};
        for (std::string& path : drop_ins({"system.conf.d"}, kManagerFolders))
            paths.push_back(std::move(path));
        for (const std::string& path : paths) {
            const auto text = file(path);
            if (!text) continue;
            for (const auto& [section, key, value] : parse_unit(*text)) {
                if (section == "Manager" && key == "DefaultEnvironment") assign(unit_.environment, value);
            }
        }
    }

    void apply(std::string_view text) {
        for (const auto& [section, key, value] : parse_unit(text)) {
            if (section == "Service") set(key, value);
        }
    }

    /// An empty value empties a list.
    void set(const std::string& key, const std::string& value) {
        const auto add = [&value](std::vector<std::string>& list) {
            if (value.empty()) list.clear();
            for (std::string& word : words_of(value))
                list.push_back(std::move(word));
        };
        if (key == "User") {
            unit_.user = value;
        } else if (key == "Group") {
            unit_.group = value;
        } else if (key == "SupplementaryGroups") {
            add(unit_.more_groups);
        } else if (key == "ExecStart") {
            if (value.empty() || unit_.command.empty()) unit_.command = words_of(value);
        } else if (key == "Environment") {
            if (value.empty()) environment_.clear();
            assign(environment_, value);
        } else if (key == "EnvironmentFile") {
            if (value.empty()) environment_files_.clear();
            if (!value.empty()) environment_files_.push_back(value);
        } else if (key == "UnsetEnvironment") {
            add(unset_);
        } else if (key == "ProtectHome") {
            unit_.hides_homes = is_on(value) || value == "tmpfs";
        } else if (key == "PrivateTmp") {
            unit_.hides_tmp = is_on(value) || value == "disconnected";
        }
    }

    void environment_file(std::string pattern) {
        const bool optional = pattern.starts_with('-');
        if (optional) pattern.erase(0, 1);
        std::vector<std::string> paths{pattern};
        glob_t found{};
        if (pattern.find_first_of("*?[") != std::string::npos) {
            paths.clear();
            if (::glob((root_ + pattern).c_str(), 0, nullptr, &found) == 0) {
                for (std::size_t i = 0; i < found.gl_pathc && i < kMaxFiles; ++i)
                    paths.push_back(std::string(found.gl_pathv[i]).substr(root_.size()));
            }
            ::globfree(&found);
        }
        for (const std::string& path : paths) {
            const std::size_t before = unit_.not_read.size();
            const auto text = file(path);
            if (!text && !optional && unit_.not_read.size() == before)
                unit_.not_read.push_back(
                    core::message("{}: it is missing, and the service does not start without it", path));
            if (!text) continue;
            for (const auto& [key, value] : parse_environment_file(*text))
                unit_.environment[key] = value;
        }
    }

    std::string name_, root_;
    ServiceUnit unit_;
    std::map<std::string, std::string> environment_;  // of Environment=
    std::vector<std::string> environment_files_, unset_;
};

bool is_below(std::string_view file, std::string_view folder) {
    return file.starts_with(folder) && (file.size() == folder.size() || file[folder.size()] == '/');
}

}  // namespace

std::string ServiceUnit::config() const {
    constexpr std::string_view kOption = "--config";
    for (std::size_t i = 0; i < command.size(); ++i) {
        if (command[i] == kOption && i + 1 < command.size()) return command[i + 1];
        if (command[i].starts_with(kOption) && command[i].size() > kOption.size() && command[i][kOption.size()] == '=')
            return command[i].substr(kOption.size() + 1);
    }
    return kDefaultConfigPath;
}

std::string ServiceUnit::hides(std::string_view file) const {
    const auto below = [file](std::string_view folder) { return is_below(file, folder); };
    if (hides_homes && (below("/home") || below("/root") || below("/run/user"))) return "ProtectHome=";
    if (hides_tmp && (below("/tmp") || below("/var/tmp"))) return "PrivateTmp=";
    return {};
}

ServiceUnit read_service_unit(const std::string& name, const std::string& root) {
    return Reader(name, root).read();
}

std::map<std::string, std::string> parse_environment_file(std::string_view text) {
    std::map<std::string, std::string> out;
    for (std::size_t i = 0; i < text.size();) {
        while (i < text.size() && (is_blank(text[i]) || text[i] == '\n' || text[i] == '\r'))
            ++i;
        const auto end = std::min(text.find('\n', i), text.size());
        const auto sign = text.find('=', i);
        if (i >= text.size()) break;
        if (text[i] == '#' || text[i] == ';' || sign >= end) {
            i = end;
            continue;
        }
        const std::string name(core::trimmed(text.substr(i, sign - i)));
        std::string value;
        std::size_t kept = 0;  // up to here blanks at the end belong to the value
        char quote = 0;
        for (i = sign + 1; i < text.size(); ++i) {
            const char c = text[i];
            if (quote == 0 && c == '\n') break;
            if (quote == 0 && value.empty() && kept == 0 && is_blank(c)) continue;
            if (c == quote) {
                quote = 0;
                kept = value.size();
            } else if (quote == 0 && (c == '"' || c == '\'')) {
                quote = c;
            } else if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
                const char next = text[++i];
                if (next == '\n') continue;
                if (quote == '"' && std::string_view("\"\\`$").find(next) == std::string_view::npos) value += c;
                value += next;
                kept = value.size();
            } else {
                value += c;
                if (quote != 0 || (!is_blank(c) && c != '\r')) kept = value.size();
            }
        }
        value.resize(kept);
        if (is_variable(name)) out[name] = value;
    }
    return out;
}

}  // namespace postern::agent
