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
    refuse(ConfigTrouble::Kind::kLastGood, first.mistakes);
    core::log_warning("last_good_used", "using the last good configuration", {{"path", paths_.last_good_config}});
}

std::optional<UsableConfig> RunningConfig::read_again() {
    auto usable = load_usable_config(file_);
    if (usable && usable->mistakes.empty()) return std::move(*usable);
    refuse(ConfigTrouble::Kind::kNotReloaded, usable ? usable->mistakes : usable.error());
    return std::nullopt;
}

void RunningConfig::use(UsableConfig fresh) {
    now_ = std::move(fresh.config);
    text_ = std::move(fresh.text);
    loaded_wall_us_ = clock_.wall_us();
    trouble_ = {};
    if (now_.agent.runtime_dir != started_agent_.runtime_dir || now_.agent.state_dir != started_agent_.state_dir ||
        now_.http.listen != started_http_) {
        trouble_.kind = ConfigTrouble::Kind::kRestart;
        core::log_warning("config_needs_restart",
                          "[agent] runtime_dir, state_dir and [http] listen take effect at the next start");
    }
    copy_.save(paths_.last_good_config, file_, text_);
}

void RunningConfig::refuse(const core::Error& why) {
    trouble_ = {ConfigTrouble::Kind::kNotReloaded, why.text(), 0};
    core::log_error("config_refused", why.text());
}

void RunningConfig::refuse(ConfigTrouble::Kind kind, const std::vector<ConfigIssue>& mistakes) {
    for (const auto& issue : mistakes)
        core::log_error("config_refused", format_issue(file_, issue));
    trouble_ = {kind, format_issue(file_, mistakes.front()), mistakes.size() - 1};
}

void RunningConfig::keep() {
    if (trouble_.kind == ConfigTrouble::Kind::kNone) copy_.save(paths_.last_good_config, file_, text_);
}

}  // namespace postern::agent
