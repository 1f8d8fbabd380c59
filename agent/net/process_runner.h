// Runs the programs that give credentials (process_command of a profile): without a shell, with PATH, HOME and LANG and
// nothing else of our environment, a minute and 64 KiB at most. What they print on stdout goes to the caller alone, what
// they print on stderr to nobody: it may be secrets. Loop thread; never blocks it.
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

namespace postern::agent {

class ProcessRunner {
  public:
    using Done = std::function<void(core::Result<std::string>)>;

    ProcessRunner(core::Loop& loop, core::Clock& clock, Environment environment, core::Micros limit_us = core::kMinute);
    /// Kills what runs; no callback runs after it.
    ~ProcessRunner();

    /// argv[0] without a slash is looked up in PATH. Exactly one callback, maybe at once.
    void run(std::vector<std::string> argv, Done done);

  private:
    struct Run;
    void read_output(std::uint64_t id);
    void ended(std::uint64_t id);
    void refuse(std::uint64_t id, std::string why);

    core::Loop& loop_;
    core::Clock& clock_;
    Environment environment_;
    core::Micros limit_us_;
    std::map<std::uint64_t, std::unique_ptr<Run>> runs_;
    std::uint64_t next_id_ = 1;
};

}  // namespace postern::agent
