// SPDX-License-Identifier: Apache-2.0
// The configuration of the last successful start, in <state_dir>/last-good.toml: with a broken postern.toml a host
// boots with this copy and reports it. Never makes a start fail that would otherwise work.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "core/loop.h"
#include "core/message.h"

namespace postern::agent {

struct UsableConfig {
    Config config;
    std::string text;                   // the text that it was read from
    std::vector<ConfigIssue> mistakes;  // of the file; none: the file itself is used
};

/// The file; if it is broken or unreadable, the last good copy of exactly this file, and its mistakes. If there is no
/// such copy, the mistakes. For an unreadable file [agent] state_dir is unknown: the default is tried.
tl::expected<UsableConfig, std::vector<ConfigIssue>> load_usable_config(const std::string& path);

/// Whether the copy is of exactly this text.
bool is_last_good(const std::string& copy_path, std::string_view text);

/// Owned by the app; loop thread.
class LastGoodCopy {
  public:
    explicit LastGoodCopy(core::Loop& loop);

    /// Writes the copy (0600, atomically and to disk) if it changed. `text` is the content of `config_path`.
    void save(const std::string& copy_path, const std::string& config_path, std::string_view text);
    /// "" or why there is no copy of the running configuration.
    const core::Message& problem() const;

  private:
    struct Files;
    core::Loop& loop_;
    std::shared_ptr<Files> files_;  // shared with jobs in the pool
    std::uint64_t saves_ = 0;
};

}  // namespace postern::agent
