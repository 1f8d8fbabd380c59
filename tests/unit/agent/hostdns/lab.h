// SPDX-License-Identifier: Apache-2.0
// A fake host, its journal on a real disk, and a postern that answers or does not.
#pragma once

#include <algorithm>

#include "agent/hostdns/rescue.h"
#include "tests/unit/agent/hostdns/hosts.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

namespace postern::test {

using namespace agent;

inline const core::SocketAddress kUs = *core::SocketAddress::parse("127.0.0.153:53", 53);
inline const std::string kName = "db.private.lab";
inline const core::IpAddress kPrivate = *core::IpAddress::parse("10.0.7.1"),
                             kPublic = *core::IpAddress::parse("192.0.2.80");

struct Lab {
    explicit Lab(FakeHost h) : host(std::move(h)), first(host.files) {}

    TakeoverHooks hooks() {
        TakeoverHooks hooks;
        hooks.served = [this] { return served; };
        hooks.wall_us = hooks.mono_us = [this] { return now_us; };
        hooks.pause = [this](core::Micros us) {
            now_us += us;
            if (on_pause) on_pause();
        };
        hooks.ask = [this](const core::SocketAddress& server, const std::string& name,
                           core::Micros timeout_us) -> core::Result<ListenerAnswer> {
            const core::Micros end = now_us + timeout_us;
            if (server == kUs) now_us = std::min(end, now_us + wait_us);
            const auto silent = [&] { return server == kUs ? !alive : dead.count(server.host()) != 0; };
            while (silent() && now_us < end) {  // it is asked again every second
                now_us = std::min(end, now_us + core::kSecond);
                if (on_pause) on_pause();
            }
            if (now_us == end) return core::fail(core::Code::kTimeout, "no answer");
            if (name != kName) return ListenerAnswer{public_rcode, {}};
            return ListenerAnswer{private_rcode, {kPrivate}};
        };
        hooks.look_up = [this](const std::string& name, core::Micros) -> SystemLookup {
            const auto named = ResolvConf::parse(resolv_conf()).servers;
            const bool any_lives = std::any_of(named.begin(), named.end(), [&](const core::SocketAddress& server) {
                return dead.count(server.host()) == 0;
            });
            if (deaf_programs || (!named.empty() && !any_lives)) return {SystemLookup::Outcome::kFailed, {}};
            if (on_look_up) on_look_up();
            if (host.reaches(kUs.ip, kName)) now_us += through_us;
            if (name == kName && host.reaches(kUs.ip, kName) && now_us >= settled_us)
                return {SystemLookup::Outcome::kAnswered, {kPrivate}};
            if (name == kName) return {SystemLookup::Outcome::kAnswered, {kPublic}};  // the name exists outside as well
            return {SystemLookup::Outcome::kNoSuchName, {}};
        };
        hooks.say = [this](const std::string& line) { said += line + "\n"; };
        return hooks;
    }
    /// Each call is a separate process.
    Takeover takeover() { return {host, JournalFile(folder / "hostdns.json"), hooks()}; }
    core::Result<void> enable(Mode mode = Mode::kAuto, std::vector<std::string> names = {kName}) {
        EnableRequest request;
        request.mode = mode;
        request.listen = kUs;
        request.names = std::move(names);
        return takeover().enable(request);
    }
    Journal journal() { return JournalFile(folder / "hostdns.json").load().value(); }
    std::string resolv_conf() { return host.read(kResolvConf).value_or(""); }

    test::TempFolder folder;
    FakeHost host;
    std::map<std::string, FileState> first;
    core::Micros now_us = 1'800'000'000 * core::kSecond;
    std::set<std::string> dead;  // silent servers
    bool alive = true, deaf_programs = false;
    int private_rcode = 0, public_rcode = 3;
    core::Micros settled_us = 0;  // owners of DNS take a moment to follow
    core::Micros through_us = 0;  // a lookup through us
    core::Micros wait_us = 0;     // of a query, in the socket of a resolver that is being restarted
    std::function<void()> on_pause, on_look_up;
    Rescue rescuer() {
        return {host, JournalFile(folder / "hostdns.json"), hooks(), [](const auto& work) { return work(); },
                [this](const PathLook& look) { seen = look; }};
    }
    /// The program, until there is nothing left to do.
    void rescue() {
        Rescue one = rescuer();
        for (;;) {
            const core::Micros wait = one.look();
            const auto state = journal().state;
            if (state == TakeoverState::kOff) return;
            if (state == TakeoverState::kOn && alive) return;
            hooks().pause(wait);
        }
    }
    core::Fallback served{.listen = {kUs}, .names = {kName}};
    std::string said;
    PathLook seen;  // by the rescue
};

}  // namespace postern::test
