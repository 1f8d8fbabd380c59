// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/source_round.h"

#include <memory>
#include <optional>

namespace postern::agent {
namespace {

constexpr Micros kLookForInterruption = 100 * core::kMillisecond;

}  // namespace

SourceRound::SourceRound(const AliyunConfig& config, const std::vector<core::SocketAddress>& upstreams)
    : lookup_(loop_, clock_),
      cloud_(loop_, clock_, random_, lookup_, config),
      sources_(clock_, &loop_, cloud_.privatelink, lookup_, is_stand_in(config)),
      start_(clock_),
      turn_(clock_) {
    lookup_.set_upstreams(upstreams);
}

/// A signal only sets a flag: the loop must wake up to see it.
void SourceRound::keep_turning() {
    turn_.start_in(kLookForInterruption, [this] { keep_turning(); });
}

SourceRound::Answers SourceRound::ask(const std::vector<std::string>& keys, const std::function<bool()>& interrupted) {
    // On the heap: an answer may still come after an interruption.
    using Waiting = std::map<std::string, std::optional<core::Result<EndpointReport>>>;
    const auto answers = std::make_shared<Waiting>();
    for (const auto& key : keys)
        answers->emplace(key, std::nullopt);
    const auto missing = std::make_shared<std::size_t>(answers->size());
    // From the loop, as the providers expect.
    start_.start_in(0, [this, answers, missing] {
        for (const auto& [key, answer] : *answers) {
            sources_.describe_endpoint(key, [answers, missing, key = key](core::Result<EndpointReport> report) {
                (*answers)[key] = std::move(report);
                --*missing;
            });
        }
    });
    keep_turning();
    while (*missing > 0 && !interrupted() && loop_.run_once()) {
    }
    start_.stop();
    turn_.stop();
    Answers out;
    for (auto& [key, answer] : *answers) {
        out.emplace(key, answer ? std::move(*answer)
                                : core::Result<EndpointReport>(core::fail(core::Code::kCancelled, "interrupted")));
    }
    return out;
}

}  // namespace postern::agent
