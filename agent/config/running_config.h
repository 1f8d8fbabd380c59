// SPDX-License-Identifier: Apache-2.0
// The configuration in use: the first one, then each reload without mistakes; reports the file's mistakes in the log
// and the status. Owned by the app, loop thread.
#pragma once

#include <optional>
#include <string>

#include "agent/config/last_good.h"
#include "agent/config/paths.h"
#include "core/message.h"

namespace postern::agent {

/// Which part of the file is not in use, and why.
struct ConfigTrouble {
    enum class Kind {
        kNone,
        kLastGood,     // the file has mistakes, or can't be read: the last good copy is used since the start
        kNotReloaded,  // the same at a reload: the present configuration stays
        kRestart,      // keys that take effect only at a start
    };
    Kind kind = Kind::kNone;
    core::Message mistake;  // the first: "FILE:LINE: key: message", or what the outside refused
    std::size_t more = 0;   // how many more there are
};

class RunningConfig {
  public:
    /// `first` may be the last good copy, used in place of a file with mistakes.
    RunningConfig(core::Loop& loop, const core::Clock& clock, std::string file, const UsableConfig& first);

    const Config& now() const { return now_; }
    const Paths& paths() const { return paths_; }  // those of the start
    const std::string& file() const { return file_; }

    /// Reads the file again; nullopt if it has mistakes: the present configuration stays.
    std::optional<UsableConfig> read_again();
    /// Uses it from now on.
    void use(UsableConfig fresh);
    /// Reports that the reloaded configuration can't be used.
    void refuse(const core::Error& why);
    /// Saves it as the last good copy, unless that copy is in use. After a successful start; use() calls it itself.
    void keep();

    const ConfigTrouble& trouble() const { return trouble_; }
    /// When the file was changed to another text than the one read last; nullopt: it was not, or that is not known.
    /// Looks at the file, and reads it if it is another one than at the last look.
    std::optional<Micros> changed_since_read();
    /// "" or why there is no copy of the configuration in use.
    const core::Message& copy_problem() const { return copy_.problem(); }
    Micros loaded_wall_us() const { return loaded_wall_us_; }

  private:
    void refuse(ConfigTrouble::Kind kind, const std::vector<ConfigIssue>& mistakes);

    const core::Clock& clock_;
    std::string file_, text_;
    Config now_;
    AgentConfig started_agent_;  // the keys that take effect only at a start
    core::SocketAddress started_http_;
    Paths paths_;
    LastGoodCopy copy_;
    ConfigTrouble trouble_;
    std::string seen_stamp_;  // of the file whose text was compared last
    std::optional<Micros> changed_wall_us_;
    Micros loaded_wall_us_;
};

}  // namespace postern::agent
