// SPDX-License-Identifier: Apache-2.0
// Runs the programs that print credentials (process_command of a profile) and those that doctor's bundle asks: without a
// shell, with only PATH, HOME and LANG of our environment, for at most a minute and 64 KiB, if nothing else is said. stdout
// goes to the caller alone; stderr is discarded,
// because it may contain secrets. Loop thread; never blocks it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/net/environment.h"
#include "core/error.h"
#include "core/loop.h"
#include "core/message.h"

namespace postern::agent {

class ProcessRunner {
  public:
    using Done = std::function<void(core::Result<std::string>)>;

    ProcessRunner(core::Loop& loop, core::Clock& clock, Environment environment, core::Micros limit_us = core::kMinute,
                  std::size_t max_output = 64 << 10);
    /// Kills running programs; no callback runs after it.
    ~ProcessRunner();

    /// argv[0] without a slash is looked up in PATH. Exactly one callback, maybe before run() returns.
    void run(std::vector<std::string> argv, Done done);

  private:
    struct Run;
    void read_output(std::uint64_t id);
    void ended(std::uint64_t id);
    void refuse(std::uint64_t id, core::Message why);

    core::Loop& loop_;
    core::Clock& clock_;
    Environment environment_;
    core::Micros limit_us_;
    std::size_t max_output_;
    std::map<std::uint64_t, std::unique_ptr<Run>> runs_;
    std::uint64_t next_id_ = 1;
};

}  // namespace postern::agent
