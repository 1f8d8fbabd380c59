// SPDX-License-Identifier: Apache-2.0
#include "resolver/flight_time.h"

#include <algorithm>

namespace postern::resolver {
namespace {

constexpr core::Micros kTcpPatience = core::kSecond;  // for a handshake and an answer
constexpr core::Micros kBefore = core::kSecond;       // a server that answered so long before a flight lives

}  // namespace

core::Micros client_end(core::Micros since, core::Micros budget_us, core::Micros client_us) {
    return since + std::max(budget_us, client_us - std::min(client_us / 10, kMaxMargin));
}

core::Micros patience(const Flight& f, const Attempt& a) {
    const core::Micros whole = f.deadline - f.started_at;
    const std::size_t asked = f.next == 0 ? 0 : f.next - 1;  // before this attempt
    const auto round = static_cast<unsigned>(a.extra || f.order.empty() ? 0 : asked / f.order.size());
    const core::Micros usual = a.upstream->patience() << std::min(round, 4u);
    return a.tcp ? std::min(std::max(kTcpPatience, usual), whole / 2) : std::min(usual, whole / 3);
}

core::Micros next_step(const Flight& f) {
    core::Micros at = f.deadline;
    for (const Attempt& a : f.attempts) {
        if (a.live && a.confirm_at != 0) at = std::min(at, a.confirm_at);
        if (a.live && !a.silent) at = std::min(at, a.sent_at + patience(f, a));
    }
    return f.patience_until != 0 ? std::min(at, f.patience_until) : at;
}

bool lives(const Upstream& u, const Flight& f, core::Micros now) {
    return u.answered_at() != 0 && (u.answered_at() >= f.started_at - kBefore || now - u.answered_at() < u.patience());
}

bool any_live(const Flight& f) {
    return std::any_of(f.attempts.begin(), f.attempts.end(), [](const Attempt& a) { return a.live; });
}

bool worth_waiting(const Flight& f) {
    return std::any_of(f.attempts.begin(), f.attempts.end(), [&](const Attempt& a) {
        return a.live && !(a.silent && a.upstream->suspect() && !f.last_error.empty());
    });
}

}  // namespace postern::resolver
