// SPDX-License-Identifier: Apache-2.0
#include "agent/steering/drains.h"

#include <algorithm>
#include <utility>

#include "agent/text/values.h"
#include "core/printable.h"

namespace postern::agent {

using core::Micros;

core::Result<DrainTarget> DrainTarget::parse(std::string_view text) {
    if (const auto ip = core::IpAddress::parse(text)) return DrainTarget{{}, *ip};
    if (check_zone(text).empty()) return DrainTarget{std::string(text), {}};
    return core::fail(core::Code::kUsage, core::message("{} is neither a zone nor an address", shown(text)),
                      "give a zone such as cn-hangzhou-h, or an address such as 10.0.1.23");
}

core::Message check_drain(Micros for_us, std::string_view reason) {
    if (for_us < kMinDrain || for_us > kMaxDrain)
        return core::message("a drain lasts from {} to {}", format_duration(kMinDrain), format_duration(kMaxDrain));
    if (reason.size() > kMaxDrainReason) return core::message("a reason has at most {} bytes", kMaxDrainReason);
    if (core::printable(reason) != reason) return "a reason is one line of text";
    return "";
}

core::Result<void> Drains::add(const DrainTarget& target, Micros for_us, std::string reason, bool free) {
    if (core::Message wrong = check_drain(for_us, reason); !wrong.empty()) {
        return core::fail(core::Code::kUsage, std::move(wrong));
    }
    Entry entry{target, for_us, clock_.mono_us() + for_us, std::move(reason), free};
    const auto same = std::find_if(entries_.begin(), entries_.end(), [&](const auto& e) { return e.target == target; });
    if (same != entries_.end()) {
        *same = std::move(entry);
    } else if (entries_.size() < kMaxDrains) {
        entries_.push_back(std::move(entry));
    } else {
        return core::fail(core::Code::kUsage, core::message("there are {} drains already", kMaxDrains),
                          "drain a zone instead of its addresses, or end one: postern undrain");
    }
    return {};
}

bool Drains::remove(const DrainTarget& target) {
    return std::erase_if(entries_, [&](const Entry& e) { return e.target == target; }) > 0;
}

std::vector<Drain> Drains::restore(const std::vector<Drain>& saved) {
    std::vector<Drain> ended;
    for (const Drain& drain : saved) {
        const Micros length = drain.until_wall_us - drain.began_wall_us;
        const Micros left = std::min(drain.until_wall_us - clock_.wall_us(), length);
        if (left <= 0) {
            ended.push_back(drain);
        } else if (check_drain(length, drain.reason).empty() && entries_.size() < kMaxDrains) {
            remove(drain.target);
            entries_.push_back({drain.target, length, clock_.mono_us() + left, drain.reason, drain.free});
        }
    }
    return ended;
}

std::vector<Drain> Drains::take_ended() {
    std::vector<Drain> ended;
    std::erase_if(entries_, [&](const Entry& entry) {
        if (entry.end_mono_us > clock_.mono_us()) return false;
        ended.push_back(as_drain(entry));
        return true;
    });
    return ended;
}

bool Drains::covers(const EndpointAddress& address) const {
    return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.target.covers(address); });
}

bool Drains::frees(const EndpointAddress& address) const {
    return std::any_of(entries_.begin(), entries_.end(),
                       [&](const Entry& e) { return e.free && e.target.covers(address); });
}

Drain Drains::as_drain(const Entry& entry) const {
    // To the second, so that it stays the same though the two clocks are not read at once.
    const Micros exact = clock_.wall_us() + entry.end_mono_us - clock_.mono_us();
    const Micros until = (exact + core::kSecond / 2) / core::kSecond * core::kSecond;
    return {entry.target, until - entry.length_us, until, entry.reason, entry.free};
}

std::vector<Drain> Drains::list() const {
    std::vector<Drain> out;
    for (const Entry& entry : entries_)
        out.push_back(as_drain(entry));
    return out;
}

std::optional<Micros> Drains::next_end_mono_us() const {
    const auto first = std::min_element(entries_.begin(), entries_.end(),
                                        [](const Entry& a, const Entry& b) { return a.end_mono_us < b.end_mono_us; });
    return first == entries_.end() ? std::nullopt : std::optional(first->end_mono_us);
}

}  // namespace postern::agent
