// SPDX-License-Identifier: Apache-2.0
#include "agent/steering/answer_policy.h"

#include <algorithm>
#include <tuple>

namespace postern::agent {
namespace {

using probe::State;

bool path_ok(const AddressVerdict& a) {
    return a.verdict.path != State::kDown;
}

bool passes(const AddressVerdict& a) {
    return path_ok(a) && (a.verdict.service == State::kUp || a.verdict.service == State::kDegraded);
}

bool fails_comparably(const AddressVerdict& a) {
    return a.verdict.service == State::kDown && a.service_comparable;
}

std::string why(const AddressVerdict& a, bool answered, bool own_zone, bool all_down) {
    std::string out = a.address.ip.text();
    if (!a.address.zone.empty()) out += " (" + a.address.zone + ")";
    out += ' ';
    if (!answered) {
        out += path_ok(a) ? "withdrawn: its service fails while another address passes" : "withdrawn: path down";
        return out;
    }
    out += to_string(a.verdict.overall());
    if (all_down) out += ", answered because all are down";
    if (own_zone) out += ", own zone";
    return out;
}

}  // namespace

AnswerDecision decide_answer(const std::vector<AddressVerdict>& addresses, const std::string& host_zone) {
    const auto own_zone = [&](const AddressVerdict& a) { return !host_zone.empty() && a.address.zone == host_zone; };
    std::vector<const AddressVerdict*> order;
    for (const auto& a : addresses)
        order.push_back(&a);
    std::sort(order.begin(), order.end(), [&](auto* a, auto* b) {
        return std::tuple(!own_zone(*a), a->address.ip) < std::tuple(!own_zone(*b), b->address.ip);
    });

    const bool another_passes = std::any_of(addresses.begin(), addresses.end(), passes);
    const auto keep = [&](const AddressVerdict& a) { return path_ok(a) && !(another_passes && fails_comparably(a)); };
    const bool any_kept = std::any_of(addresses.begin(), addresses.end(), keep);

    AnswerDecision out;
    out.all_down = !addresses.empty() && !any_kept;
    for (const auto* a : order) {
        const bool answered = out.all_down || keep(*a);
        if (answered) out.fresh.push_back(a->address.ip);
        if (!out.explain.empty()) out.explain += "; ";
        out.explain += why(*a, answered, own_zone(*a), out.all_down);
    }
    std::stable_sort(order.begin(), order.end(), [&](auto* a, auto* b) {  // the others: the last to have worked first
        if (keep(*a) != keep(*b)) return keep(*a);
        return !keep(*a) && a->last_ok_mono_us > b->last_ok_mono_us;
    });
    for (const auto* a : order)
        out.stale.push_back(a->address.ip);
    return out;
}

}  // namespace postern::agent
