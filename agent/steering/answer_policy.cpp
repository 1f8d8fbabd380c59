// SPDX-License-Identifier: Apache-2.0
#include "agent/steering/answer_policy.h"

#include <algorithm>
#include <tuple>

#include "core/text.h"

namespace postern::agent {
namespace {

using probe::State;

constexpr std::size_t kNamed = 4;  // of the addresses that a refusal names

/// One of each family: A and AAAA.
struct PerFamily {
    bool v4 = false, v6 = false;
    bool& of(const AddressVerdict& a) { return a.address.ip.is_v6() ? v6 : v4; }
};

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

/// For a person: what makes an address no good one.
core::Message state_of(const AddressVerdict& a) {
    if (a.verdict.path == State::kUnknown) return "not probed yet";
    if (!path_ok(a) || a.verdict.service == State::kDown) return "down";
    return a.rate_too_low ? core::Message("failing too often") : core::Message(to_string(a.verdict.overall()));
}

std::string named(const AddressVerdict& a) {
    std::string out = a.address.ip.text();
    if (!a.address.zone.empty()) out += " (" + a.address.zone + ")";
    return out;
}

core::Message why(const AddressVerdict& a, bool answered, bool own_zone, bool drained, const char* alone) {
    if (!answered) {
        return core::message("{} {}", named(a),
                             !path_ok(a)           ? "withdrawn: path down"
                             : drained             ? "withdrawn: drained"
                             : fails_comparably(a) ? "withdrawn: its service fails while another address passes"
                             : a.rate_too_low      ? "withdrawn: it fails more often than the others"
                                                   : "not answered before its first success");
    }
    core::Message out = core::message("{} {}", named(a), to_string(a.verdict.overall()));
    if (a.drained && *alone == '\0') core::add_item(out, "drained but answered because no other works");
    if (*alone != '\0') core::add_item(out, alone);
    if (own_zone) core::add_item(out, "own zone");
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
    const auto allowed = [&](const AddressVerdict& a) {  // by its verdict
        const bool worse = another_passes && (fails_comparably(a) || a.rate_too_low);
        return path_ok(a) && !worse && !(another_is_good && a.newcomer);
    };
    PerFamily undrained, kept;
    for (const auto& a : addresses)
        undrained.of(a) |= allowed(a) && !a.drained;
    const auto drained = [&](const AddressVerdict& a) { return a.drained && undrained.of(a); };
    const auto keep = [&](const AddressVerdict& a) { return allowed(a) && !drained(a); };
    for (const auto& a : addresses)
        kept.of(a) |= keep(a);

    AnswerDecision out;
    out.all_down = !addresses.empty() && !kept.v4 && !kept.v6;
    const char* const alone =
        out.all_down ? "answered because all are down" : "answered because its family has no better one";
    std::vector<const AddressVerdict*> answer;
    for (const auto* a : order) {
        const bool answered = keep(*a) || !kept.of(*a);
        if (answered) answer.push_back(a);
        core::add_sentence(out.explain, why(*a, answered, own_zone(*a), drained(*a), kept.of(*a) ? "" : alone));
    }
    const auto rank = [&](const AddressVerdict& a) {
        return kept.of(a) ? std::pair(false, core::Micros{0}) : std::pair(true, -a.last_ok_mono_us);
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

core::Message why_not_drained(const std::vector<AddressVerdict>& addresses,
                              const std::function<bool(const EndpointAddress&)>& leaves) {
    const auto stays = [&](const AddressVerdict& a) { return !a.drained && !leaves(a.address); };
    const auto serves = [&](const AddressVerdict& a) { return stays(a) && good(a) && !a.rate_too_low && !a.newcomer; };
    PerFamily loses, serving;
    for (const auto& a : addresses) {
        loses.of(a) |= leaves(a.address) && path_ok(a);
        serving.of(a) |= serves(a);
    }
    const bool lost_v4 = loses.v4 && !serving.v4, lost_v6 = loses.v6 && !serving.v6;
    const bool one_family = serving.v4 || serving.v6;
    if (one_family && !lost_v4 && !lost_v6) return "";
    core::Message others;
    std::size_t count = 0;
    for (const auto& a : addresses) {
        if (leaves(a.address) || (one_family && a.address.ip.is_v6() != lost_v6)) continue;
        if (++count > kNamed) continue;
        core::add_item(others, core::message("{} is {}", named(a), a.drained ? core::Message("drained") : state_of(a)));
    }
    if (count > kNamed) others = core::message("{} and {} more", std::move(others), count - kNamed);
    if (others.empty()) others = "there is no other";
    if (!one_family) return core::message("no good address would be left: {}", std::move(others));
    return core::message("no good {} address would be left: {}", lost_v6 ? "IPv6" : "IPv4", std::move(others));
}

}  // namespace postern::agent
