// SPDX-License-Identifier: Apache-2.0
#include "agent/config/running_config.h"

#include "core/log.h"

namespace postern::agent {

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
    refuse("the last good configuration is used: ", first.mistakes);
    core::log_warning("last_good_used", "using the last good configuration", {{"path", paths_.last_good_config}});
}

std::optional<UsableConfig> RunningConfig::read_again() {
    auto usable = load_usable_config(file_);
    if (usable && usable->mistakes.empty()) return std::move(*usable);
    refuse("the configuration was not reloaded: ", usable ? usable->mistakes : usable.error());
    return std::nullopt;
}

void RunningConfig::use(UsableConfig fresh) {
    now_ = std::move(fresh.config);
    text_ = std::move(fresh.text);
    loaded_wall_us_ = clock_.wall_us();
    problem_.clear();
    if (now_.agent.runtime_dir != started_agent_.runtime_dir || now_.agent.state_dir != started_agent_.state_dir ||
        now_.http.listen != started_http_) {
        problem_ = "[agent] runtime_dir, state_dir and [http] listen take effect at the next start";
        core::log_warning("config_needs_restart", problem_);
    }
    copy_.save(paths_.last_good_config, file_, text_);
}

void RunningConfig::refuse(const core::Error& why) {
    problem_ = why.text();
    core::log_error("config_refused", problem_);
}

void RunningConfig::refuse(const std::string& consequence, const std::vector<ConfigIssue>& mistakes) {
    for (const auto& issue : mistakes)
        core::log_error("config_refused", format_issue(file_, issue));
    problem_ = consequence + format_issue(file_, mistakes.front());
    if (mistakes.size() > 1) problem_ += " (and " + std::to_string(mistakes.size() - 1) + " more, see the log)";
}

void RunningConfig::keep() {
    if (problem_.empty()) copy_.save(paths_.last_good_config, file_, text_);
}

}  // namespace postern::agent
