#include "agent/hostdns/rescue.h"

#include <fmt/format.h>

namespace postern::agent {
namespace {

constexpr core::Micros kCanaryTimeout = core::kSecond;
constexpr core::Micros kCanaryEvery = core::kSecond;
constexpr core::Micros kBetweenStarts = 10 * core::kSecond;
constexpr core::Micros kHour = 60 * core::kMinute;

}  // namespace

Rescue::Rescue(HostSystem& host, JournalFile journal, TakeoverHooks hooks, RescueHooks own)
    : host_(host), journal_(journal), hooks_(hooks), own_(std::move(own)), takeover_(host, std::move(journal), std::move(hooks)) {}

bool Rescue::answers_within(const core::SocketAddress& listen, core::Micros time) const {
    const core::Micros deadline = hooks_.wall_us() + time;
    for (;;) {
        if (hooks_.ask(listen, kLocalName, kCanaryTimeout)) return true;
        if (hooks_.wall_us() >= deadline) return false;
        hooks_.pause(200 * core::kMillisecond);  // a refused question comes back at once
    }
}

bool Rescue::good_for_a_while(const core::SocketAddress& listen) const {
    if (!answers_within(listen, kPatience)) return false;
    const core::Micros end = hooks_.wall_us() + kGoodFor;
    while (hooks_.wall_us() < end) {
        hooks_.pause(kCanaryEvery);
        if (!hooks_.ask(listen, kLocalName, kCanaryTimeout)) return false;
    }
    return true;
}

/// A socket that is held while nobody serves it makes clients wait; a closed one refuses them at once.
void Rescue::units(const char* verb) {
    if (host_.real_path("/run/systemd/system").empty()) return;
    (void)host_.act({"systemctl", "--no-block", verb, "postern-resolver.socket", "postern-resolver.service"}, {});
}

core::Result<void> Rescue::run() {
    auto journal = journal_.load();
    if (!journal) return core::fail(journal.error());
    if (journal->state == TakeoverState::kOn) {
        if (answers_within(journal->target.listen, kPatience)) return {};
        hooks_.say(fmt::format("nobody answers at {}: the host gets its own DNS back; private names wait until postern answers again",
                               journal->target.listen.text()));
        auto given = own_.locked([this] { return takeover_.suspend(); });
        units("stop");
        if (!given) return given;
        // Programs that were waiting ask again after 5 s: a closed socket tells them at once to go to the next server.
        hooks_.pause(kBetweenStarts);
    }
    for (;;) {
        journal = journal_.load();
        if (!journal) return core::fail(journal.error());
        if (journal->state != TakeoverState::kSuspended) return {};  // the user decided otherwise, or it is done
        std::size_t recent = 0;
        for (const auto at : journal->suspensions) recent += hooks_.wall_us() - at < kHour ? 1u : 0u;
        if (recent > kMostAnHour) {
            hooks_.pause(core::kMinute);
            continue;
        }
        units("start");
        if (good_for_a_while(journal->target.listen)) {
            const auto resumed = own_.locked([this] { return takeover_.resume(own_.names()); });
            if (resumed) {
                hooks_.say("postern answers again: taken up again");
                return {};
            }
            hooks_.say("not taken up again yet: " + resumed.error().text());
        } else {
            units("stop");
        }
        hooks_.pause(kBetweenStarts);
    }
}

}  // namespace postern::agent
