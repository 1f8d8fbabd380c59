// SPDX-License-Identifier: Apache-2.0
#include "agent/config/running_config.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "core/file_system.h"
#include "core/log.h"

namespace postern::agent {

namespace {

constexpr std::size_t kMaxConfig = 1 << 20;

/// A text that is another one for another state of the file, and when that was written; "" if there is no file.
std::pair<std::string, Micros> stamp_of(const std::string& file) {
    struct stat st;
    if (::stat(file.c_str(), &st) != 0) return {"", 0};
    return {fmt::format("{}.{} {} {}", st.st_mtim.tv_sec, st.st_mtim.tv_nsec, st.st_ino, st.st_size),
            st.st_mtim.tv_sec * core::kSecond + st.st_mtim.tv_nsec / 1000};
}

}  // namespace

RunningConfig::RunningConfig(core::Loop& loop, const core::Clock& clock, std::string file, const UsableConfig& first)
    : clock_(clock),
      file_(std::move(file)),
      text_(first.text),
      now_(first.config),
      started_agent_(now_.agent),
      started_http_(now_.http.listen),
      paths_(paths_of(now_.agent)),
      copy_(loop),
      loaded_wall_us_(clock.wall_us()) {
    if (first.mistakes.empty()) return;
    seen_stamp_ = stamp_of(file_).first;
    refuse(ConfigTrouble::Kind::kLastGood, first.mistakes);
    core::log_warning("last_good_used", "using the last good configuration", {{"path", paths_.last_good_config}});
}

std::optional<UsableConfig> RunningConfig::read_again() {
    auto usable = load_usable_config(file_);
    if (usable && usable->mistakes.empty()) return std::move(*usable);
    refuse(ConfigTrouble::Kind::kNotReloaded, usable ? usable->mistakes : usable.error());
    seen_stamp_ = stamp_of(file_).first;  // told already
    changed_wall_us_.reset();
    return std::nullopt;
}

void RunningConfig::use(UsableConfig fresh) {
    now_ = std::move(fresh.config);
    text_ = std::move(fresh.text);
    loaded_wall_us_ = clock_.wall_us();
    trouble_ = {};
    seen_stamp_.clear();
    if (now_.agent.runtime_dir != started_agent_.runtime_dir || now_.agent.state_dir != started_agent_.state_dir ||
        now_.http.listen != started_http_) {
        trouble_.kind = ConfigTrouble::Kind::kRestart;
        core::log_warning("config_needs_restart",
                          "[agent] runtime_dir, state_dir and [http] listen take effect at the next start");
    }
    copy_.save(paths_.last_good_config, file_, text_);
}

void RunningConfig::refuse(const core::Error& why) {
    trouble_ = {ConfigTrouble::Kind::kNotReloaded, why.whole(), 0};
    core::log_error("config_refused", why.text());
}

void RunningConfig::refuse(ConfigTrouble::Kind kind, const std::vector<ConfigIssue>& mistakes) {
    for (const auto& issue : mistakes)
        core::log_error("config_refused", format_issue(file_, issue));
    trouble_ = {kind, format_issue(file_, mistakes.front()), mistakes.size() - 1};
}

std::optional<Micros> RunningConfig::changed_since_read() {
    const auto [stamp, changed] = stamp_of(file_);
    if (stamp.empty() || stamp == seen_stamp_) return changed_wall_us_;
    seen_stamp_ = stamp;
    const auto text = core::read_file(file_, kMaxConfig);
    changed_wall_us_ = text && *text == text_ ? std::nullopt : std::optional(changed);
    return changed_wall_us_;
}

void RunningConfig::keep() {
    if (trouble_.kind == ConfigTrouble::Kind::kNone) copy_.save(paths_.last_good_config, file_, text_);
}

}  // namespace postern::agent
