// The configuration that the agent last started with, kept in <state_dir>/last-good.toml: a host that boots with a
// broken postern.toml goes on as before and says so. Never makes a start fail that would have worked without it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "core/loop.h"

namespace postern::agent {

struct UsableConfig {
    Config config;
    std::string text;                   // what it was read from
    std::vector<ConfigIssue> mistakes;  // of the file; none: it is what is used
};

/// The file; where it is broken or unreadable, the last good copy of exactly this file and its mistakes. Where there is
/// no such copy either, the mistakes. A file that can't be read does not tell [agent] state_dir: the usual one is tried.
tl::expected<UsableConfig, std::vector<ConfigIssue>> load_usable_config(const std::string& path);

/// Owned by the app; loop thread.
class LastGoodCopy {
  public:
    explicit LastGoodCopy(core::Loop& loop);

    /// Writes the copy (0600, whole or not at all, on disk) unless it is there already. `text` is what `config_path` had.
    void save(const std::string& copy_path, const std::string& config_path, std::string_view text);
    /// "" or why there is no copy of what runs.
    const std::string& problem() const;

  private:
    struct Files;
    core::Loop& loop_;
    std::shared_ptr<Files> files_;  // shared with jobs in the pool
    std::uint64_t saves_ = 0;
};

}  // namespace postern::agent
