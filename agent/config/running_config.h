// The configuration in use: the first, and each that was read again without mistakes; what is wrong with the file, in the
// log and for the status. Owned by the app, loop thread.
#pragma once

#include <optional>
#include <string>

#include "agent/config/last_good.h"
#include "agent/config/paths.h"

namespace postern::agent {

class RunningConfig {
  public:
    /// `first` may be the last good copy, which stands in for a file with mistakes.
    RunningConfig(core::Loop& loop, const core::Clock& clock, std::string file, const UsableConfig& first);

    const Config& now() const { return now_; }
    const Paths& paths() const { return paths_; }  // those of the start
    const std::string& file() const { return file_; }

    /// The file read again; nothing when it has mistakes: the present one goes on.
    std::optional<UsableConfig> read_again();
    /// It is used from now on.
    void use(UsableConfig fresh);
    /// What was read again can't be used.
    void refuse(const core::Error& why);
    /// Saves it as the last good one, unless that is what is used. After a start that succeeded; use() does so itself.
    void keep();

    /// "" or what of the file is not in use.
    const std::string& problem() const { return problem_; }
    /// "" or why there is no copy of what is in use.
    const std::string& copy_problem() const { return copy_.problem(); }
    Micros loaded_wall_us() const { return loaded_wall_us_; }

  private:
    void refuse(const std::string& consequence, const std::vector<ConfigIssue>& mistakes);

    const core::Clock& clock_;
    std::string file_, text_;
    Config now_;
    AgentConfig started_agent_;  // what takes effect at a start only
    core::SocketAddress started_http_;
    Paths paths_;
    LastGoodCopy copy_;
    std::string problem_;
    Micros loaded_wall_us_;
};

}  // namespace postern::agent
