// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/host_path.h"

#include <algorithm>

#include "agent/hostdns/hosts_file.h"

namespace postern::agent {
namespace {

constexpr core::Micros kAskTimeout = 2 * core::kSecond;
constexpr std::size_t kMaxAsked = 3;       // names without an address are passed over
constexpr std::size_t kMaxAnswered = 256;  // addresses that are remembered

bool is_shadowed(const std::vector<HostsLine>& shadows, const std::string& name) {
    return std::any_of(shadows.begin(), shadows.end(), [&](const auto& s) { return !s.reversed && s.name == name; });
}

}  // namespace

PathLook HostPath::look_at_private(const Target& target) {
    // A name in /etc/hosts does not test the resolvers.
    const auto shadows = hosts_findings(host_.read("/etc/hosts").value_or(""), target.names);
    std::size_t asked = 0;
    for (const auto& name : target.names) {
        if (is_shadowed(shadows, name)) continue;
        if (++asked > kMaxAsked) break;
        const auto answer = hooks_.ask(target.listen, name, kAskTimeout);
        if (!answer) break;  // that is not the path's fault
        if (answered_.size() > kMaxAnswered) answered_.clear();
        answered_.insert(answer->addresses.begin(), answer->addresses.end());
        if (answer->addresses.empty()) continue;
        // Not any answer will do: the name may have a public one, too.
        const auto found = hooks_.look_up(name, patience_).addresses;
        const bool ours =
            std::all_of(found.begin(), found.end(), [&](const auto& ip) { return answered_.contains(ip); });
        if (found.empty() || !ours) return {PathState::kFails, name};
        found_.push_back(name);
        return {PathState::kWorks, ""};
    }
    return {};
}

PathLook HostPath::look_at_public(const Target& target) {
    const auto answer = hooks_.ask(target.listen, kPublicName, kAskTimeout);
    if (!answer || answer->failed()) return {};
    if (hooks_.look_up(kPublicName, patience_).outcome == SystemLookup::Outcome::kFailed)
        return {PathState::kFails, kPublicName};
    found_.emplace_back(kPublicName);
    return {PathState::kWorks, ""};
}

PathLook HostPath::look(const Target& target, bool public_too) {
    found_.clear();
    PathLook seen;
    if (public_too) seen = look_at_public(target);
    if (seen.state != PathState::kFails) {
        PathLook of_ours = look_at_private(target);
        if (of_ours.state != PathState::kUnknown) seen = std::move(of_ours);
    }
    seen.wall_us = hooks_.wall_us();
    return seen;
}

core::Micros HostPath::quickest(const std::string& name) const {
    core::Micros best = core::kNever;
    for (int i = 0; i < 2; ++i) {
        const core::Micros begin = hooks_.mono_us();
        (void)hooks_.look_up(name, patience_);
        best = std::min(best, hooks_.mono_us() - begin);
    }
    return best;
}

core::Micros HostPath::slowest_found() const {
    core::Micros slowest = 0;
    for (const auto& name : found_)
        slowest = std::max(slowest, quickest(name));
    return slowest;
}

}  // namespace postern::agent
