// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/rescue.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/hostdns/truce.h"

namespace postern::agent {
namespace {

constexpr core::Micros kCanaryTimeout = core::kSecond;
constexpr core::Micros kCanaryEvery = core::kSecond;
constexpr core::Micros kBetweenSteps = 10 * core::kSecond;
constexpr core::Micros kHour = 60 * core::kMinute;

}  // namespace

Rescue::Rescue(HostSystem& host, JournalFile journal, TakeoverHooks hooks, RescueHooks own)
    : host_(host),
      journal_(journal),
      hooks_(hooks),
      own_(std::move(own)),
      takeover_(host, std::move(journal), std::move(hooks)) {}

bool Rescue::answers_within(const core::SocketAddress& listen, core::Micros time) const {
    const core::Micros deadline = hooks_.mono_us() + time;
    for (;;) {
        if (hooks_.ask(listen, kLocalName, kCanaryTimeout)) return true;
        if (hooks_.mono_us() >= deadline) return false;
        hooks_.pause(200 * core::kMillisecond);  // a refused query returns at once
    }
}

bool Rescue::good_for_a_while(const core::SocketAddress& listen) const {
    if (!answers_within(listen, kPatience)) return false;
    const core::Micros end = hooks_.mono_us() + kGoodFor;
    while (hooks_.mono_us() < end) {
        hooks_.pause(kCanaryEvery);
        if (!hooks_.ask(listen, kLocalName, kCanaryTimeout)) return false;
    }
    return true;
}

/// An open socket without a server makes clients wait; a closed one refuses them at once.
void Rescue::units(const char* verb) {
    if (host_.real_path("/run/systemd/system").empty()) return;
    (void)host_.act({"systemctl", "--no-block", verb, "postern-resolver.socket", "postern-resolver.service"}, {});
}

core::Result<void> Rescue::run() {
    for (;;) {
        const auto journal = journal_.load();
        if (!journal) return core::fail(journal.error());
        switch (journal->state) {
            case TakeoverState::kOn:
                if (answers_within(journal->target.listen, kPatience)) return {};
                give_back(journal->target.listen);
                break;
            case TakeoverState::kEnabling:
            case TakeoverState::kDisabling: {
                // Its process may be running: the lock waits for that.
                const auto recovered = own_.locked([this] { return takeover_.recover(false); });
                if (!recovered) hooks_.say(recovered.error().text());
                break;
            }
            case TakeoverState::kSuspended:
                keep_own_dns();
                try_to_resume(*journal);
                break;
            case TakeoverState::kTruce:
                keep_own_dns();
                if (truce_is_over(*journal, hooks_.wall_us())) end_truce();
                break;
            case TakeoverState::kOff:
                return {};  // the user decided otherwise
        }
        hooks_.pause(kBetweenSteps);
    }
}

void Rescue::give_back(const core::SocketAddress& listen) {
    hooks_.say(fmt::format(
        "nothing answers at {}: the host gets its own DNS back; private names wait until postern answers again",
        listen.text()));
    const auto given = own_.locked([this]() -> core::Result<void> {
        auto suspended = takeover_.suspend();
        // Only when the host does not point here may the socket be closed. Programs that were waiting ask again after
        // 5 s: the closed socket sends them to the next server at once.
        if (suspended) stop_if_suspended();
        return suspended;
    });
    if (!given) hooks_.say(given.error().text());
}

void Rescue::end_truce() {
    const auto ended = own_.locked([this] { return takeover_.end_truce(); });
    if (!ended) hooks_.say(ended.error().text());
}

void Rescue::keep_own_dns() {
    const auto kept = own_.locked([this] { return takeover_.keep_own_dns(); });
    if (!kept) hooks_.say(kept.error().text());
}

void Rescue::stop_if_suspended() {
    const auto journal = journal_.load();
    if (journal && journal->state == TakeoverState::kSuspended) units("stop");
}

void Rescue::try_to_resume(const Journal& journal) {
    const core::Micros now = hooks_.wall_us();
    const auto recent = std::count_if(journal.suspensions.begin(), journal.suspensions.end(),
                                      [&](core::Micros at) { return at <= now && now - at < kHour; });
    if (recent > static_cast<std::ptrdiff_t>(kMaxPerHour)) return hooks_.pause(core::kMinute);
    units("start");
    const bool good = good_for_a_while(journal.target.listen);
    const auto done = own_.locked([&]() -> core::Result<void> {
        if (good) return takeover_.resume(own_.names());
        stop_if_suspended();
        return {};
    });
    if (!done) hooks_.say("not taken up again yet: " + done.error().text());
    if (done && good) hooks_.say("postern answers again: taken up again");
}

}  // namespace postern::agent
