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

/// Reached, and not refused.
bool good(const AddressVerdict& a) {
    return (a.verdict.path == State::kUp || a.verdict.path == State::kDegraded) && a.verdict.service != State::kDown;
}

std::string why(const AddressVerdict& a, bool answered, bool own_zone, const char* alone) {
    std::string out = a.address.ip.text();
    if (!a.address.zone.empty()) out += " (" + a.address.zone + ")";
    out += ' ';
    if (!answered) {
        return out + (!path_ok(a)           ? "withdrawn: path down"
                      : fails_comparably(a) ? "withdrawn: its service fails while another address passes"
                      : a.rate_too_low      ? "withdrawn: it fails more often than the others"
                                            : "not answered before its first success");
    }
    out += to_string(a.verdict.overall());
    out += alone;
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

    const auto steady = [](const AddressVerdict& a) { return passes(a) && !a.rate_too_low; };
    const bool another_passes = std::any_of(addresses.begin(), addresses.end(), steady);
    const bool another_is_good = std::any_of(addresses.begin(), addresses.end(), good);
    const auto keep = [&](const AddressVerdict& a) {
        const bool worse = another_passes && (fails_comparably(a) || a.rate_too_low);
        return path_ok(a) && !worse && !(another_is_good && a.newcomer);
    };
    bool kept_v4 = false, kept_v6 = false;
    for (const auto& a : addresses)
        (a.address.ip.is_v6() ? kept_v6 : kept_v4) |= keep(a);
    const auto family_kept = [&](const AddressVerdict& a) { return a.address.ip.is_v6() ? kept_v6 : kept_v4; };

    AnswerDecision out;
    out.all_down = !addresses.empty() && !kept_v4 && !kept_v6;
    const char* const alone =
        out.all_down ? ", answered because all are down" : ", answered because all of its family are down";
    std::vector<const AddressVerdict*> answer;
    for (const auto* a : order) {
        const bool answered = keep(*a) || !family_kept(*a);
        if (answered) answer.push_back(a);
        if (!out.explain.empty()) out.explain += "; ";
        out.explain += why(*a, answered, own_zone(*a), family_kept(*a) ? "" : alone);
    }
    const auto rank = [&](const AddressVerdict& a) {
        return family_kept(a) ? std::pair(false, core::Micros{0}) : std::pair(true, -a.last_ok_mono_us);
    };
    std::stable_sort(answer.begin(), answer.end(), [&](auto* a, auto* b) { return rank(*a) < rank(*b); });
    for (const auto* a : answer)
        out.fresh.push_back(a->address.ip);
    std::stable_sort(order.begin(), order.end(), [&](auto* a, auto* b) {  // the others: the last to have worked first
        if (keep(*a) != keep(*b)) return keep(*a);
        return !keep(*a) && a->last_ok_mono_us > b->last_ok_mono_us;
    });
    for (const auto* a : order)
        out.stale.push_back(a->address.ip);
    return out;
}

}  // namespace postern::agent
