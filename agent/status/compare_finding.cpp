// SPDX-License-Identifier: Apache-2.0
#include "agent/status/compare_finding.h"

#include <fmt/format.h>

#include "core/text.h"
#include "probe/verdict.h"

namespace postern::agent {

using probe::Reason;

namespace {

enum class PublicView { kSaysNothing, kNotReached, kFails, kWorks };

PublicView public_view(const CompareStatus& s) {
    if (s.lookup_error) return PublicView::kNotReached;
    if (!s.last) return PublicView::kSaysNothing;
    // Without a token both sides are checked only as far as the gateway.
    if (s.last->ok || s.last->reason == Reason::kTokenMissing) return PublicView::kWorks;
    switch (probe::blame(s.last->reason)) {
        case probe::Blame::kNobody:
            return PublicView::kSaysNothing;
        case probe::Blame::kPath:
            return PublicView::kNotReached;
        case probe::Blame::kService:
            return PublicView::kFails;
    }
    return PublicView::kSaysNothing;
}

/// "median 3.1 ms, over the public gateway 12.4 ms: the private path saves 9.3 ms"
std::string gain(const CompareStatus& s) {
    if (!s.private_median_us || !s.public_median_us) return "both work";
    const core::Micros saved = *s.public_median_us - *s.private_median_us;
    return fmt::format("median {}, over the public gateway {}: the private path {} {}",
                       core::milliseconds(*s.private_median_us), core::milliseconds(*s.public_median_us),
                       saved >= 0 ? "saves" : "costs", core::milliseconds(saved >= 0 ? saved : -saved));
}

std::string why(const CompareStatus& s) {
    if (s.lookup_error) return s.lookup_error->what;
    return s.last ? std::string(probe::to_string(s.last->reason)) : "";
}

struct Judgement {
    Comparison finding;
    std::string text;
};

Judgement private_works(const CompareStatus& s, PublicView seen) {
    if (seen == PublicView::kWorks) return {Comparison::kBothWork, gain(s)};
    if (seen == PublicView::kFails) {
        return {Comparison::kPublicFails, fmt::format("only the public gateway fails ({})", why(s))};
    }
    return {
        Comparison::kPublicFails,
        fmt::format("the public gateway can't be reached from here ({}); the private path does not need it", why(s))};
}

Judgement path_down(const CompareStatus& s, PublicView seen) {
    if (seen == PublicView::kWorks) {
        return {Comparison::kPrivatelinkBroken,
                "PrivateLink is broken, not the service: the public gateway answers from here, no private "
                "address does"};
    }
    if (seen == PublicView::kFails) {
        return {Comparison::kServiceDown,
                fmt::format("the service is down, too: the public gateway is reached and fails ({})", why(s))};
    }
    if (s.reached_before) {
        return {
            Comparison::kNeitherReached,
            fmt::format("neither way leads to a gateway ({}): the service is down, or this host's network is", why(s))};
    }
    return {Comparison::kUnknown,
            fmt::format("the public gateway was never reached from here ({}): the comparison says nothing", why(s))};
}

Judgement service_down(const CompareStatus& s, PublicView seen) {
    if (seen == PublicView::kWorks) {
        return {Comparison::kPrivateGatewayFails,
                "only the private gateway fails: the same statement works over the public one"};
    }
    if (seen == PublicView::kFails) {
        return {Comparison::kServiceDown,
                fmt::format("the service is down, not PrivateLink: the public gateway fails, too ({})", why(s))};
    }
    return {Comparison::kUnknown,
            fmt::format("the public gateway can't be reached from here ({}): the comparison says nothing", why(s))};
}

Judgement judged(const CompareStatus& s) {
    const PublicView seen = public_view(s);
    if (s.at_wall_us == 0) return {Comparison::kUnknown, "not compared yet"};
    if (seen == PublicView::kSaysNothing) {
        return {Comparison::kUnknown, fmt::format("the last comparison was not made ({})", why(s))};
    }
    // A comparison from before the private side's state changed does not explain it; that both work
    // needs no explanation.
    if (!s.fresh && !(s.view == PrivateView::kWorks && seen == PublicView::kWorks)) {
        return {Comparison::kUnknown, "not compared since the private path turned"};
    }
    switch (s.view) {
        case PrivateView::kWorks:
            return private_works(s, seen);
        case PrivateView::kPathDown:
            return path_down(s, seen);
        case PrivateView::kServiceDown:
            return service_down(s, seen);
        case PrivateView::kUnknown:
            break;
    }
    return {Comparison::kUnknown, "the private path is not known yet"};
}

}  // namespace

PrivateView private_view(const std::vector<probe::Verdict>& addresses, bool token) {
    using probe::State;
    std::size_t path_down = 0, service_down = 0;
    for (const probe::Verdict& v : addresses) {
        const State state = token ? v.overall() : v.path;
        if (state == State::kUp || state == State::kDegraded) return PrivateView::kWorks;
        path_down += v.path == State::kDown ? 1 : 0;
        service_down += v.path != State::kDown && v.service == State::kDown ? 1 : 0;
    }
    if (addresses.empty() || path_down + service_down < addresses.size()) return PrivateView::kUnknown;
    return service_down == 0 ? PrivateView::kPathDown : PrivateView::kServiceDown;
}

std::string_view to_string(Comparison finding) {
    switch (finding) {
        case Comparison::kUnknown:
            return "unknown";
        case Comparison::kBothWork:
            return "both_work";
        case Comparison::kPublicFails:
            return "public_fails";
        case Comparison::kPrivatelinkBroken:
            return "privatelink_broken";
        case Comparison::kPrivateGatewayFails:
            return "private_gateway_fails";
        case Comparison::kServiceDown:
            return "service_down";
        case Comparison::kNeitherReached:
            return "neither_reached";
        case Comparison::kCount:
            break;
    }
    return "unknown";
}

std::string CompareStatus::gateway() const {
    return port == 443 ? host : fmt::format("{}:{}", host, port);
}

void judge_comparison(CompareStatus& status) {
    Judgement now = judged(status);
    status.finding = now.finding;
    status.text = std::move(now.text);
}

}  // namespace postern::agent
