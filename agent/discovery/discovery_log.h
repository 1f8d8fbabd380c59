// SPDX-License-Identifier: Apache-2.0
// Logs discovery failures: one line for each distinct error, however many sources have it, repeated hourly, and one
// when its last source recovers. Loop thread.
#pragma once

#include <map>
#include <set>
#include <string>

#include "core/clock.h"
#include "core/error.h"

namespace postern::agent {

class DiscoveryLog {
  public:
    explicit DiscoveryLog(const core::Clock& clock) : clock_(clock) {}

    void failed(const std::string& source, const core::Error& error);
    void succeeded(const std::string& source);
    /// The source is no longer asked.
    void forget(const std::string& source);

  private:
    struct Series {
        std::set<std::string> sources;
        core::Micros logged_mono_us = 0;
        core::Micros began_mono_us = 0;
        std::string what;
    };
    void leave(const std::string& source, const std::string& except);

    const core::Clock& clock_;
    std::map<std::string, Series> series_;  // by distinct_error()
};

/// The error without the parts that differ each time: request IDs and numbers.
std::string distinct_error(const core::Error& error);

}  // namespace postern::agent
