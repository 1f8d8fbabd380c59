// SPDX-License-Identifier: Apache-2.0
#include "agent/config/config.h"

#include <algorithm>
#include <cctype>
#include <set>

#include <fmt/format.h>
// Some of its assertions are wrong: "[.]" fails one. Without them the parser reports a normal error.
#define TOML_ASSERT(condition) static_assert(true)
#include <toml++/toml.h>

#include "agent/config/config_keys.h"
#include "agent/config/config_readers.h"
#include "agent/config/unknown_key.h"
#include "agent/text/object_place.h"
#include "agent/text/values.h"
#include "core/file_system.h"
#include "core/printable.h"

namespace postern::agent {

namespace {

constexpr std::size_t kMaxFileBytes = 1u << 20;
constexpr std::size_t kMaxLinks = 10000;
constexpr std::size_t kMaxIssues = 200;  // in a file that is not a configuration the first errors are enough

ConfigNode convert(const toml::node& node) {
    ConfigNode out;
    out.line = static_cast<int>(node.source().begin.line);
    using Type = ConfigNode::Type;
    if (const auto* table = node.as_table()) {
        out.type = Type::kTable;
        for (const auto& [key, value] : *table) {
            out.entries.push_back({std::string(key.str()), convert(value)});
            ConfigNode& entry = out.entries.back().value;
            // Use the key's line: editors jump there, also for a value over several lines.
            const int line = static_cast<int>(key.source().begin.line);
            if (line > 0 && entry.type != Type::kTable) entry.line = line;
        }
        std::stable_sort(out.entries.begin(), out.entries.end(),
                         [](auto& a, auto& b) { return a.value.line < b.value.line; });
    } else if (const auto* array = node.as_array()) {
        out.type = Type::kList;
        for (const auto& item : *array)
            out.items.push_back(convert(item));
    } else if (const auto* text = node.as_string()) {
        out.type = Type::kString;
        out.text = text->get();
    } else if (const auto* integer = node.as_integer()) {
        out.type = Type::kInteger;
        out.integer = integer->get();
    } else if (const auto* number = node.as_floating_point()) {
        out.type = Type::kFloat;
        out.number = number->get();
    } else if (const auto* boolean = node.as_boolean()) {
        out.type = Type::kBoolean;
        out.boolean = boolean->get();
    } else {
        out.type = Type::kDate;
    }
    return out;
}

class Reader {
  public:
    Reader(Config& config, std::vector<ConfigIssue>& issues) : config_(config), issues_(issues) {}

    void read_root(const ConfigNode& root) {
        for (const auto& [name, node] : root.entries) {
            if (name == "link") {
                read_links(node);
            } else if (const auto section = top_section(name)) {
                read_section(*section, name, node, nullptr);
            } else {
                issue(node.line, name, explain_unknown_section(name));
            }
        }
    }

  private:
    static std::optional<Section> top_section(std::string_view name) {
        for (const Section s : {Section::kAgent, Section::kDns, Section::kHttp, Section::kAliyun, Section::kFleet}) {
            if (to_string(s) == name) return s;
        }
        return std::nullopt;
    }

    void read_links(const ConfigNode& node) {
        if (node.type != ConfigNode::Type::kList) {
            issue(node.line, "link", "is a list of tables: write [[link]] with two brackets");
            return;
        }
        if (node.items.size() > kMaxLinks) {
            issue(node.line, "link",
                  core::message("there are {} links: at most {} are allowed", node.items.size(), kMaxLinks));
            return;
        }
        for (const ConfigNode& item : node.items) {
            LinkConfig& link = config_.links.emplace_back();
            link.line = item.line;
            read_section(Section::kLink, "link", item, &link);
        }
    }

    void read_section(Section section, const std::string& path, const ConfigNode& node, LinkConfig* link) {
        if (node.type != ConfigNode::Type::kTable) {
            issue(node.line, path, expected(core::message("a section [{}]", path), node));
            return;
        }
        ConfigTarget target{config_, link};
        for (const auto& [name, value] : node.entries) {
            if (section == Section::kLink && name == "probe") {
                read_section(Section::kProbe, "link.probe", value, link);
                continue;
            }
            const std::string key = path + '.' + name;
            const KeyRow* row = find_config_key(section, name);
            if (row == nullptr) {
                issue(value.line, key, explain_unknown_key(section, name));
            } else if (core::Message problem = row->read(value, target); !problem.empty()) {
                issue(value.line, key, std::move(problem));
            }
        }
    }

    void issue(int line, std::string key, core::Message what) {
        if (key.size() > 80) key = std::string(core::whole_characters(key, 80)) + "…";
        issues_.push_back({line, std::move(key), std::move(what)});
    }

    Config& config_;
    std::vector<ConfigIssue>& issues_;
};

core::Message syntax_problem(const toml::parse_error& error, std::string_view text) {
    const std::string what = core::printable_lines(error.description());
    // The most common mistakes get a plain message.
    const auto line_number = error.source().begin.line;
    std::string_view line = text;
    for (toml::source_index i = 1; i < line_number; ++i) {
        const auto end = line.find('\n');
        if (end == std::string_view::npos) break;
        line.remove_prefix(end + 1);
    }
    line = line.substr(0, line.find('\n'));
    const auto equals = line.find('=');
    if (what.find("redefine") != std::string::npos) return core::message("is there twice: {}", what);
    if (equals != std::string_view::npos) {
        const auto value = line.find_first_not_of(" \t", equals + 1);
        const bool bare =
            value != std::string_view::npos && (std::isalpha(static_cast<unsigned char>(line[value])) != 0);
        const bool digit =
            value != std::string_view::npos && (std::isdigit(static_cast<unsigned char>(line[value])) != 0);
        if (bare || digit) return core::message("not TOML: texts, durations and addresses need quotes ({})", what);
    } else if (line.find(':') != std::string_view::npos) {
        return core::message("not TOML: write key = value ({})", what);
    }
    return core::message("not TOML: {}", what);
}

}  // namespace

bool Config::needs_discovery() const {
    return std::any_of(links.begin(), links.end(),
                       [](const LinkConfig& link) { return link.targets.empty() && link.addresses.empty(); });
}

core::Message format_issue(const std::string& path, const ConfigIssue& issue) {
    std::string where = path;
    if (issue.line > 0) where += fmt::format(":{}", issue.line);
    if (!issue.key.empty()) where += ": " + issue.key;
    where = core::printable_lines(where);
    const auto& values = issue.what.values();
    const core::Message out = issue.what.form() == kExpected
                                  ? core::message("{}: expected {}, found {}", where, values.at(0), values.at(1))
                                  : core::message("{}: {}", where, issue.what);
    return out.in_english(core::printable_lines(out.text()));
}

tl::expected<Config, std::vector<ConfigIssue>> parse_config(const std::string& path, std::string_view text) {
    std::vector<ConfigIssue> issues;
    const auto failed = [&issues] { return tl::unexpected<std::vector<ConfigIssue>>(std::move(issues)); };
    if (text.size() > kMaxFileBytes) {
        issues.push_back({0, "", core::message("is {} bytes long: a configuration has at most 1 MiB", text.size())});
        return failed();
    }
    Config config;
    config.path = path;
    config.dns.listen = {*core::SocketAddress::parse("127.0.0.153", 53)};
    config.dns.allow = {*core::IpPrefix::parse("127.0.0.0/8"), *core::IpPrefix::parse("::1/128")};
    config.http.listen = *core::SocketAddress::parse("127.0.0.1", 9853);
    config.http.allow = config.dns.allow;

    ConfigNode root;
    try {
        root = convert(toml::parse(text, path));
    } catch (const toml::parse_error& error) {
        issues.push_back({static_cast<int>(error.source().begin.line), "", syntax_problem(error, text)});
        return failed();
    } catch (const std::exception& error) {
        issues.push_back({0, "", core::message("can't be read as TOML: {}", core::printable_lines(error.what()))});
        return failed();
    }
    Reader(config, issues).read_root(root);
    check_relations(root, config, issues);
    if (issues.empty()) return config;
    std::stable_sort(issues.begin(), issues.end(), [](auto& a, auto& b) { return a.line < b.line; });
    if (issues.size() > kMaxIssues) {
        const auto more = issues.size() - kMaxIssues;
        issues.resize(kMaxIssues);
        issues.push_back({0, "", core::message("… and {} more", more)});
    }
    return failed();
}

tl::expected<Config, std::vector<ConfigIssue>> load_config(const std::string& path) {
    auto text = core::read_file(path, kMaxFileBytes);
    if (!text) {
        return tl::unexpected<std::vector<ConfigIssue>>(std::vector<ConfigIssue>{{0, "", text.error().whole()}});
    }
    return parse_config(path, *text);
}

std::string FleetConfig::reports() const {
    if (!report_url.empty() || !report) return report_url;
    const auto list = parse_object_place(list_url);
    return list ? beside(*list, "reports/").text() : "";
}

std::vector<std::string> Config::hosts() const {
    std::vector<std::string> hosts;
    for (const auto& link : links)
        hosts.push_back(link.host);
    return hosts;
}

std::vector<std::string> Config::answered_hosts() const {
    std::vector<std::string> hosts;
    for (const auto& link : links) {
        if (link.answer) hosts.push_back(link.host);
    }
    return hosts;
}

}  // namespace postern::agent
