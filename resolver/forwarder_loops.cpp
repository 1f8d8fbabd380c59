// SPDX-License-Identifier: Apache-2.0
// Upstreams that lead back to us: at once, or through another forwarder.
#include <algorithm>

#include "core/log.h"
#include "resolver/forwarder.h"

namespace postern::resolver {
namespace {

constexpr core::Micros kCheckLasts = 2 * core::kSecond;
constexpr std::uint8_t kLabel = 16;  // a random number in hex

/// `name`, below a label that nobody else knows. Below, because a forwarder may send us certain names alone. Empty if
/// it would be too long.
Name unknown_name_below(const Name& name, std::uint64_t random) {
    static constexpr char kDigits[] = "0123456789abcdef";
    Name out;
    if (name.length + 1u + kLabel > kMaxName) return out;
    out.bytes[out.length++] = kLabel;
    for (int i = 0; i < kLabel; ++i, random >>= 4)
        out.bytes[out.length++] = static_cast<std::uint8_t>(kDigits[random & 15]);
    std::copy_n(name.bytes.begin(), name.length, out.bytes.begin() + out.length);
    out.length = static_cast<std::uint8_t>(out.length + name.length);
    return out;
}

}  // namespace

/// The query has the question, the ID and the source port of one of our own. Its address says nothing: an upstream on
/// this host has that of the programs here. Another forwarder has an ID and a port of its own: see look_for_loop().
bool Forwarder::is_own_query(const Flight& f, const Waiter& waiter) const {
    return std::any_of(f.attempts.begin(), f.attempts.end(), [&](const Attempt& a) {
        return a.live && a.id == waiter.id && transport_->local_port(a.handle) == waiter.to.peer.port();
    });
}

/// The question of a flight was asked again from where one of its servers is: by a program there, or by the server
/// itself. Asks that server for a name that nobody else knows; if that is asked here, it leads back to us.
void Forwarder::look_for_loop(const Flight& f, const Waiter& waiter) {
    const core::Micros now = clock_.mono_us();
    const core::IpAddress from = waiter.to.peer.ip();
    std::vector<UpstreamPointer> suspects;
    for (const Attempt& a : f.attempts) {
        const core::IpAddress& server = a.upstream->address().ip;
        const bool there = server == from || (server.is_loopback() && from.is_loopback());
        if (a.live && there && a.upstream->loop_check_due(now)) suspects.push_back(a.upstream);
    }
    for (const UpstreamPointer& upstream : suspects) {
        upstream->loop_check_started(now);
        FlightKey key;
        key.name = unknown_name_below(f.key.name, random_.next64());
        key.type = kTypeA;
        key.klass = kClassIn;
        key.flags = kRd;
        if (key.name.length == 0) continue;
        std::erase_if(loop_checks_, [&](const LoopCheck& check) { return now >= check.until; });
        loop_checks_.push_back({key.name, upstream, now + kCheckLasts});
        core::Bytes question(key.name.view().begin(), key.name.view().end());
        question.insert(question.end(), {0, kTypeA, 0, kClassIn});
        ask_alone(upstream, key, question);
    }
}

/// Whether `name` is one of look_for_loop(). Then its server is not asked for a while; who waits for it gets the next
/// one at once.
bool Forwarder::is_loop(const Name& name) {
    const auto check =
        std::find_if(loop_checks_.begin(), loop_checks_.end(), [&](const LoopCheck& c) { return c.name == name; });
    if (check == loop_checks_.end()) return false;
    const UpstreamPointer upstream = check->upstream;
    loop_checks_.erase(check);
    if (upstream->loop_found(clock_.mono_us())) {
        core::log_warning("upstream_loops", "an upstream sends its queries back here and is not asked for now",
                          {{"upstream", upstream->address().text()}});
    }
    // They go on in the next turn of the loop: here the reply to this query is being written.
    Slot slot = 0;
    for (Flight& f : flights_) {
        for (Attempt& a : f.attempts) {
            if (!a.live || a.upstream != upstream) continue;
            transport_->cancel(a.handle);
            a.live = false;
            f.spoke[a.server] = true;
            wakes_.add(slot, clock_.mono_us());
        }
        ++slot;
    }
    return true;
}

}  // namespace postern::resolver
