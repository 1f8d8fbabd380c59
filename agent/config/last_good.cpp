// SPDX-License-Identifier: Apache-2.0
#include "agent/config/last_good.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <optional>
#include <regex>

#include "agent/config/paths.h"
#include "core/bytes.h"
#include "core/file_system.h"
#include "core/log.h"

namespace postern::agent {
namespace {

constexpr std::size_t kMaxBytes = (1 << 20) + 8192;  // a configuration and the last line

/// The copy's last line. It names the original, because a broken file may not say where its copy is; a copy without
/// it was truncated. At the end, so that line numbers stay the same.
constexpr const char* kMark = "\n# the last good copy of ";
std::string mark_of(const std::string& config_path) {
    std::error_code ignored;
    const auto absolute = std::filesystem::absolute(config_path, ignored).lexically_normal();
    return kMark + absolute.string() + "\n";
}

/// [agent] state_dir from the text of a broken file, else the default.
std::string state_dir_in(const std::string& text) {
    static const std::regex kSection(R"(^[ \t]*\[[ \t]*([^\]]*?)[ \t]*\])");
    static const std::regex kKey(R"re(^[ \t]*state_dir[ \t]*=[ \t]*["']([^"'\\]+)["'])re");
    std::string in_section;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string line = text.substr(at, std::min<std::size_t>(end - at, 4096));
        std::smatch found;
        if (std::regex_search(line, found, kSection))
            in_section = found[1];
        else if (in_section == "agent" && std::regex_search(line, found, kKey))
            return found[1];
        at = end + 1;
    }
    return AgentConfig{}.state_dir;
}

std::optional<UsableConfig> load_copy(const std::string& config_path, const std::string& broken_text) {
    AgentConfig where;
    where.state_dir = state_dir_in(broken_text);
    auto text = core::read_file(paths_of(where).last_good_config, kMaxBytes);
    const std::string mark = mark_of(config_path);
    if (!text || !text->ends_with(mark)) return std::nullopt;
    text->resize(text->size() - mark.size());
    auto config = parse_config(config_path, *text);
    if (!config) return std::nullopt;
    config->warnings.clear();  // their line numbers are not the file's; its mistakes matter now
    return UsableConfig{std::move(*config), std::move(*text), {}};
}

}  // namespace

bool is_last_good(const std::string& copy_path, std::string_view text) {
    const auto copy = core::read_file(copy_path, kMaxBytes);
    return copy && copy->starts_with(std::string(text) + kMark);
}

tl::expected<UsableConfig, std::vector<ConfigIssue>> load_usable_config(const std::string& path) {
    const auto text = core::read_file(path, kMaxBytes);
    auto config = text ? parse_config(path, *text) : load_config(path);
    if (config) return UsableConfig{std::move(*config), text.value_or(""), {}};
    auto copy = load_copy(path, text.value_or(""));
    if (!copy) return tl::unexpected(std::move(config.error()));
    copy->mistakes = std::move(config.error());
    return std::move(*copy);
}

struct LastGoodCopy::Files {
    std::mutex mutex;          // jobs in the pool may overtake each other
    std::uint64_t newest = 0;  // the number of the last save written
    core::Message problem;     // loop thread

    core::Result<void> write(std::uint64_t number, const std::string& path, const std::string& content) {
        const std::lock_guard lock(mutex);
        if (number < newest) return {};
        newest = number;
        if (core::read_file(path, kMaxBytes) == content) return {};
        return core::write_file(path, core::as_bytes(content), 0600, true);
    }
};

LastGoodCopy::LastGoodCopy(core::Loop& loop) : loop_(loop), files_(std::make_shared<Files>()) {}

const core::Message& LastGoodCopy::problem() const {
    return files_->problem;
}

void LastGoodCopy::save(const std::string& copy_path, const std::string& config_path, std::string_view text) {
    const auto result = std::make_shared<core::Result<void>>();
    loop_.run_in_pool(
        [files = files_, result, number = ++saves_, copy_path, content = std::string(text) + mark_of(config_path)] {
            *result = files->write(number, copy_path, content);
        },
        [files = files_, result] {
            files->problem.clear();
            if (*result) return;
            files->problem = core::message("the next boot could not use this configuration if the file were broken: {}",
                                           result->error().whole());
            core::log_warning("last_good_not_saved", files->problem);
        });
}

}  // namespace postern::agent
