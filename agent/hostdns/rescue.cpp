// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/rescue.h"

#include <algorithm>

#include "agent/hostdns/own_servers.h"
#include "agent/hostdns/resolv_conf.h"
#include "agent/hostdns/truce.h"
#include "core/log.h"

namespace postern::agent {
namespace {

constexpr core::Micros kCanaryTimeout = core::kSecond;
constexpr core::Micros kCanaryEvery = core::kSecond;
constexpr core::Micros kBetweenSteps = 10 * core::kSecond;
constexpr core::Micros kPathPatience = 4 * core::kSecond;  // postern itself has answered by then
constexpr core::Micros kSettleTime = 4 * core::kSecond;
constexpr const char* kSocketUnit = "postern-resolver.socket";
constexpr const char* kResolverUnit = "postern-resolver.service";

}  // namespace

Rescue::Rescue(HostSystem& host, JournalFile journal, TakeoverHooks hooks,
               std::function<core::Result<void>(const Change&)> locked, std::function<void(const PathLook&)> show)
    : host_(host),
      journal_(journal),
      watch_(journal.path()),
      hooks_(hooks),
      locked_(std::move(locked)),
      show_(std::move(show)),
      path_(host_, hooks_, kPathPatience),
      takeover_(host, std::move(journal), std::move(hooks)) {}

/// As a program asks: one query waits in the socket while a resolver is started again.
bool Rescue::answers_within(const core::SocketAddress& listen, core::Micros time) const {
    const core::Micros deadline = hooks_.mono_us() + time;
    for (core::Micros left = time; left > 0; left = deadline - hooks_.mono_us()) {
        if (hooks_.ask(listen, kLocalName, left)) return true;
        hooks_.pause(200 * core::kMillisecond);  // a refused query returns at once
    }
    return false;
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
    (void)host_.act({"systemctl", "--no-block", verb, kSocketUnit, kResolverUnit}, {});
}

/// Not what a person disabled or masked.
void Rescue::start_units() {
    if (host_.ask({"systemctl", "is-enabled", "--quiet", kResolverUnit}).ok()) units("start");
}

void Rescue::failed(const core::Error& error) {
    if (const std::string text = error.text(); text != told_) {
        told_ = text;
        core::log_error("rescue_failed", "the host's DNS could not be set right", {{"error", text}});
    }
}

core::Micros Rescue::look() {
    const bool first = std::exchange(first_, false);
    const core::Micros patience = first ? kPatienceAtStart : kPatience;
    const core::Result<Journal> journal = watch_.now();
    // At boot. A takeover that is made later has looked itself.
    if (first && journal && journal->state == TakeoverState::kOn)
        path_expected_us_ = hooks_.mono_us() + kPathPatienceAtStart;
    if (!journal) {
        failed(journal.error());
        give_back_without_journal(patience);
        return kBetweenSteps;
    }
    switch (journal->state) {
        case TakeoverState::kOn:
            if (answers_within(journal->target.listen, patience)) {
                keep_path(*journal);
                return kEvery;
            }
            give_back(core::message("nothing answers at {}", journal->target.listen.text()));
            return kBetweenSteps;
        case TakeoverState::kEnabling:
        case TakeoverState::kDisabling:
            // Its process may be running: the lock waits for that.
            if (const auto recovered = locked_([this] { return takeover_.recover(false); }); !recovered)
                failed(recovered.error());
            return kBetweenSteps;
        case TakeoverState::kSuspended:
            keep_own_dns();
            return try_to_resume(*journal);
        case TakeoverState::kTruce:
            keep_own_dns();
            if (truce_is_over(*journal, hooks_.wall_us())) end_truce();
            return kBetweenSteps;
        case TakeoverState::kOff:
            give_back_without_journal(patience);
            return kEvery;
    }
    return kEvery;
}

std::vector<std::string> Rescue::names(const Journal& journal) const {
    auto served = hooks_.served().names;
    return served.empty() ? journal.target.names : served;
}

/// DNS managers take a moment to follow, and a lookup may fail once: shown is what is true at the end.
PathLook Rescue::look_at_path(const Journal& journal, core::Micros time) {
    Target target = journal.target;
    target.names = names(journal);
    const bool full = journal.decision.mode == Mode::kFull;
    const core::Micros deadline = hooks_.mono_us() + time;
    PathLook seen = path_.look(target, full);
    while (seen.state == PathState::kFails && hooks_.mono_us() < deadline) {
        hooks_.pause(500 * core::kMillisecond);
        seen = path_.look(target, full);
    }
    show_(seen);
    next_path_look_ = hooks_.mono_us() + kPathEvery;
    return seen;
}

/// Every few seconds, and at once where resolv.conf is another. What fails is applied again by the owner's mechanism;
/// what does not help is given back.
void Rescue::keep_path(Journal journal) {
    const auto now = host_.look(kResolvConf);
    const bool another = (now && !(*now == looked_at_)) || journal.since_wall_us != taken_over_wall_us_;
    if (!another && hooks_.mono_us() < next_path_look_) return;
    if (now) looked_at_ = *now;
    taken_over_wall_us_ = journal.since_wall_us;
    PathLook seen = look_at_path(journal, core::kSecond);
    if (seen.state == PathState::kWorks) path_expected_us_ = 0;
    if (seen.state != PathState::kFails) return;
    if (hooks_.mono_us() < path_expected_us_) {
        next_path_look_ = 0;
        return;
    }
    core::log_warning("host_path_broken",
                      "programs of this host do not get postern's answers: the takeover is applied again",
                      {{"name", seen.name}});
    // A host without public names does not wait for the private ones.
    const int tries = seen.name == kPublicName ? 1 : kMaxMends;
    for (int i = 0; i < tries && seen.state == PathState::kFails; ++i) {
        const auto applied = locked_([&] { return takeover_.mend(names(journal)); });
        if (!applied) failed(applied.error());  // its owner may be restarting
        const auto mended = journal_.load();
        if (!mended || mended->state != TakeoverState::kOn) return;  // given back meanwhile
        journal = *mended;
        seen = look_at_path(journal, kSettleTime);
    }
    if (seen.state == PathState::kFails) return give_back(core::message("{} through it", seen.problem()));
    core::log_info("host_path_mended", "programs of this host get postern's answers again");
}

void Rescue::give_back(const core::Message& why) {
    core::log_warning("rescue_gave_back",
                      "this host gets its own DNS back until postern can be asked again; private names wait until then",
                      {{"why", why.text()}});
    const auto given = locked_([&]() -> core::Result<void> {
        auto suspended = takeover_.suspend(why);
        // Only when the host does not point here may the socket be closed. Programs that were waiting ask again after
        // 5 s: the closed socket sends them to the next server at once.
        if (suspended) stop_if_suspended();
        return suspended;
    });
    if (!given) return failed(given.error());
    told_.clear();
}

/// The file names us alone, but the journal that knows the host's own was lost, or is not believed.
void Rescue::give_back_without_journal(core::Micros patience) {
    const std::string text = host_.read(kResolvConf).value_or("");
    const NamedServers named = servers_in(text, OwnServers(host_, hooks_.served().listen, Journal{}));
    if (!named.ours || !named.others.empty()) return;
    if (answers_within(ResolvConf::parse(text).servers.front(), patience)) return;
    const auto given = locked_([this]() -> core::Result<void> {
        const auto now = journal_.load();
        if (now && now->state != TakeoverState::kOff) return {};  // taken over meanwhile
        return takeover_.disable(false);
    });
    if (!given) return failed(given.error());
    core::log_warning("rescue_without_journal",
                      "nothing answers where this host asks, and how its DNS was is not known: it got the servers that "
                      "postern forwarded to");
    told_.clear();
}

void Rescue::end_truce() {
    const auto ended = locked_([this] { return takeover_.end_truce(); });
    if (!ended) failed(ended.error());
}

void Rescue::keep_own_dns() {
    const auto kept = locked_([this] { return takeover_.keep_own_dns(); });
    if (!kept) failed(kept.error());
}

void Rescue::stop_if_suspended() {
    const auto journal = journal_.load();
    if (journal && journal->state == TakeoverState::kSuspended) units("stop");
}

core::Micros Rescue::try_to_resume(const Journal& journal) {
    const core::Micros now = hooks_.wall_us();
    const auto recent = std::count_if(journal.suspensions.begin(), journal.suspensions.end(),
                                      [&](core::Micros at) { return at <= now && now - at < core::kHour; });
    if (recent > static_cast<std::ptrdiff_t>(kMaxPerHour)) return core::kMinute;
    const auto file = host_.look(kResolvConf);
    const bool another = file && !(*file == looked_at_);
    if (!another && hooks_.mono_us() < not_before_) return kBetweenSteps;
    start_units();
    const bool good = good_for_a_while(journal.target.listen);
    const auto done = locked_([&]() -> core::Result<void> {
        if (!good) {
            stop_if_suspended();
            return {};
        }
        return takeover_.resume(names(journal));
    });
    if (file) looked_at_ = *file;
    back_off_ = done ? 0 : std::clamp(2 * back_off_, kBetweenSteps, kLongestBackOff);
    not_before_ = hooks_.mono_us() + back_off_;
    next_path_look_ = 0;
    if (!done) failed(done.error());
    if (done && good) core::log_info("rescue_resumed", "postern answers again: taken over again");
    return kBetweenSteps;
}

}  // namespace postern::agent
