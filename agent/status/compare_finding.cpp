// SPDX-License-Identifier: Apache-2.0
#include "agent/status/compare_finding.h"

#include <fmt/format.h>

#include "agent/faults/catalogue.h"
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

std::string why(const CompareStatus& s) {
    if (s.lookup_error) return doctor::told_value(s.lookup_error->what);
    return s.last ? std::string(probe::to_string(s.last->reason)) : "";
}

struct Judgement {
    Comparison finding;
    std::string_view says;
};

Judgement private_works(const CompareStatus& s, PublicView seen) {
    if (seen == PublicView::kFails) return {Comparison::kPublicFails, "public_fails"};
    if (seen != PublicView::kWorks) return {Comparison::kPublicFails, "public_unreached"};
    if (!s.private_median_us || !s.public_median_us) return {Comparison::kBothWork, "both_work"};
    return {Comparison::kBothWork, *s.public_median_us >= *s.private_median_us ? "saves" : "costs"};
}

Judgement path_down(const CompareStatus& s, PublicView seen) {
    if (seen == PublicView::kWorks) return {Comparison::kPrivatelinkBroken, "privatelink_broken"};
    if (seen == PublicView::kFails) return {Comparison::kServiceDown, "service_down_too"};
    if (s.reached_before) return {Comparison::kNeitherReached, "neither"};
    return {Comparison::kUnknown, "never"};
}

Judgement service_down(PublicView seen) {
    if (seen == PublicView::kWorks) return {Comparison::kPrivateGatewayFails, "private_gateway"};
    if (seen == PublicView::kFails) return {Comparison::kServiceDown, "service_down"};
    return {Comparison::kUnknown, "unreached"};
}

Judgement judged(const CompareStatus& s) {
    const PublicView seen = public_view(s);
    if (s.at_wall_us == 0) return {Comparison::kUnknown, "not_yet"};
    if (seen == PublicView::kSaysNothing) return {Comparison::kUnknown, "not_made"};
    // A comparison from before the private side's state changed does not explain it; that both work
    // needs no explanation.
    if (!s.fresh && !(s.view == PrivateView::kWorks && seen == PublicView::kWorks))
        return {Comparison::kUnknown, "stale"};
    switch (s.view) {
        case PrivateView::kWorks:
            return private_works(s, seen);
        case PrivateView::kPathDown:
            return path_down(s, seen);
        case PrivateView::kServiceDown:
            return service_down(seen);
        case PrivateView::kUnknown:
            break;
    }
    return {Comparison::kUnknown, "not_known"};
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

void judge_comparison(CompareStatus& s) {
    const Judgement now = judged(s);
    s.finding = now.finding;
    s.says = now.says;
    s.values = {{"why", why(s)}};
    if (s.private_median_us && s.public_median_us) {
        const core::Micros saved = *s.public_median_us - *s.private_median_us;
        s.values["private"] = core::milliseconds(*s.private_median_us);
        s.values["public"] = core::milliseconds(*s.public_median_us);
        s.values["saved"] = core::milliseconds(saved >= 0 ? saved : -saved);
    }
    s.text = doctor::Catalogue::in(doctor::Language::kEnglish).text("compare", s.says, s.values);
}

}  // namespace postern::agent
