// SPDX-License-Identifier: Apache-2.0
#include "resolver/explain.h"

#include <fmt/format.h>

namespace postern::resolver {
namespace {

std::string verdicts(const ActivePlan& plan, const core::OwnerView& owner, core::Micros now) {
    if (!owner.ready) return "not_ready";
    if (owner.verdicts_until == 0) return "none";
    if (!plan.same_boot) return "other_boot";
    const core::Micros left = owner.verdicts_until - now;
    if (left > 0) return fmt::format("valid:{}s", left / core::kSecond);
    return fmt::format("expired:{}s", -left / core::kSecond);
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return out + '"';
}

}  // namespace

std::string explain_private(const ActivePlan& plan, const core::OwnerView& owner, core::Micros now) {
    return fmt::format("source=private link={} plan={} generation={} verdicts={} why={}",
                       plan.view.links[owner.link].name, core::to_string(plan.source), plan.view.generation,
                       verdicts(plan, owner, now), quoted(owner.explain));
}

std::string explain_flight(const FlightResult& result) {
    if (result.from == nullptr) {
        return fmt::format("source=upstream error={}", result.ede == kEdeNoReachableAuthority ? "no_answer"
                                                       : result.ede == kEdeNetworkError       ? "network"
                                                                                              : "overload");
    }
    return fmt::format("source=upstream upstream={} rtt_us={}", result.from->address().text(), result.rtt_us);
}

std::string explain_cached(Cache::State state, core::Micros age, const std::string& upstream) {
    return fmt::format("source={} age={}s{}{}",
                       state == Cache::State::kStale     ? "stale"
                       : state == Cache::State::kFailure ? "cached_failure"
                                                         : "cache",
                       age / core::kSecond, upstream.empty() ? "" : " upstream=", upstream);
}

std::string explain_local() {
    return "source=local why=\"special-use name (RFC 6761, RFC 6303, RFC 9462)\"";
}

}  // namespace postern::resolver
