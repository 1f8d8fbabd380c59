// SPDX-License-Identifier: Apache-2.0
// `postern dns …`: the takeover of the host's resolver, as called by a user and by systemd's units.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/cli.h"
#include "agent/commands/dns_setup.h"
#include "agent/hostdns/host_path.h"
#include "agent/hostdns/instance.h"
#include "agent/hostdns/listener.h"
#include "agent/hostdns/report.h"
#include "agent/hostdns/server_query.h"
#include "agent/hostdns/takeover_lock.h"
#include "agent/hostdns/takeover_outside.h"
#include "agent/hostdns/truce.h"
#include "agent/hostdns/upstreams.h"
#include "agent/status/reported.h"
#include "agent/status/warning.h"
#include "agent/text/terminal.h"
#include "core/file_system.h"

namespace postern::agent {
namespace {

using Json = nlohmann::ordered_json;

constexpr core::Micros kCanary = 2 * core::kSecond;

int finish(const DnsCommand& command, std::string_view name, const core::Result<void>& done,
           const std::vector<std::string>& lines) {
    if (command.json) {
        Json out = {{"schema_version", 1}, {"ok", done.has_value()}, {"lines", lines}};
        if (!done)
            out["error"] = {
                {"code", core::to_string(done.error().code)}, {"what", done.error().what}, {"hint", done.error().hint}};
        print_data(core::printable_json(out.dump(2, ' ', false, Json::error_handler_t::replace)) + "\n");
    }
    if (!done) complain(name, done.error());
    return done ? kExitGood : kExitFailed;
}

/// Adds what only commands check: a missing link or record, a server that is silent.
HostDnsReport look_at(const HostSystem& host, const DnsSetup& s) {
    HostDnsReport r = report_host_dns(host, JournalFile(s.paths.hostdns).load(), {}, s.names);
    if (r.journal.state != TakeoverState::kOn) return r;
    r.silent = !ask_server(r.journal.target.listen, kLocalName, kCanary);
    if (!r.silent) {  // as it is now, not as the rescue saw it
        const TakeoverHooks hooks = real_hooks({});
        r.seen = HostPath(host, hooks).look(r.journal.target, r.journal.decision.mode == Mode::kFull);
    }
    if (!runtime_in_place(host, changes_for(r.journal.decision, r.journal.target, FileState{}))) {
        const LinkWay link = r.journal.decision.link;
        r.out_of_place.push_back(link == LinkWay::kDelegate ? "the delegate postern of systemd-resolved"
                                 : link != LinkWay::kNone   ? "the link postern0"
                                                            : "the record " + std::string(kRecord));
    }
    r.unwatched = !host.real_path("/run/systemd/system").empty() && !host.process_runs("postern-rescue");
    return r;
}

int exit_of(const HostDnsReport& r) {
    if (!r.problem.empty()) return kExitUnknown;
    if (!r.out_of_place.empty() || r.silent) return kExitFailed;
    if (r.journal.state == TakeoverState::kOn && r.seen.state == PathState::kFails) return kExitFailed;
    const auto state = r.journal.state;
    const bool calm = state == TakeoverState::kOff || state == TakeoverState::kOn;
    return calm && r.hosts.empty() && !r.unwatched ? kExitGood : kExitWarning;
}

int show_status(const DnsCommand& command, const HostSystem& host, const HostDnsReport& r) {
    const bool off = r.journal.state == TakeoverState::kOff;
    const Decision present = decide(gather_facts(host), off ? Mode::kAuto : r.journal.wanted);
    if (command.json) {
        Json changes = Json::array();
        for (const auto& entry : r.journal.entries) {
            const bool gone =
                std::find(r.out_of_place.begin(), r.out_of_place.end(), entry.path) != r.out_of_place.end();
            changes.push_back({{"path", entry.path}, {"in_place", r.journal.state == TakeoverState::kOn && !gone}});
        }
        Json hosts = Json::array();
        for (const auto& h : r.hosts) {
            hosts.push_back({{"line", h.line},
                             {"name", h.name},
                             {"text", h.text},
                             {"reversed", h.reversed},
                             {"what", h.what().text()},
                             {"fix", h.fix()}});
        }
        Json out = {
            {"schema_version", 1},
            {"state", to_string(r.journal.state)},
            {"since", r.journal.since_wall_us == 0 ? "" : core::format_utc(r.journal.since_wall_us)},
            {"mode", off ? "" : to_string(r.journal.decision.mode)},
            {"wanted", off ? "" : to_string(r.journal.wanted)},
            {"owner", to_string(off ? present.owner : r.journal.decision.owner)},
            {"decision", off ? present.line.text() : r.journal.decision.line.text()},
            {"split_possible", present.split_possible},
            {"listen", off ? "" : r.journal.target.listen.text()},
            {"names", r.journal.target.names},
            {"answers", r.journal.state == TakeoverState::kOn ? Json(!r.silent) : Json(nullptr)},
            {"path", r.journal.state == TakeoverState::kOn ? Json(to_string(r.seen.state)) : Json(nullptr)},
            {"why", r.journal.state == TakeoverState::kSuspended ? r.journal.why.text() : ""},
            {"changes", changes},
            {"out_of_place", r.out_of_place},
            {"writer", r.journal.writer},
            {"truce_until", r.journal.state == TakeoverState::kTruce ? core::format_utc(truce_end(r.journal)) : ""},
            {"hosts_file", hosts},
            {"problem", r.problem.text()}};
        print_data(core::printable_json(out.dump(2, ' ', false, Json::error_handler_t::replace)) + "\n");
        return exit_of(r);
    }
    const auto row = [](const core::Message& line) { print(told(line) + "\n"); };
    row(core::message("takeover  {}", r.text()));
    row(core::message("decision  {}", off ? present.line : r.journal.decision.line));
    for (const auto& entry : r.journal.entries) {
        if (r.journal.state != TakeoverState::kOn) break;
        const bool created = entry.before.kind == FileState::Kind::kAbsent;
        row(created ? core::message("changed   {}  written", entry.path)
            : entry.before.kind == FileState::Kind::kLink
                ? core::message("changed   {}  was a link to {}", entry.path, entry.before.content)
                : core::message("changed   {}  replaced", entry.path));
    }
    for (const auto& fault : host_faults(r, {}))
        print("! " + warning_text(fault, doctor::Catalogue::in(shown_language())) + "\n");
    return exit_of(r);
}

}  // namespace

int run_command(const DnsCommand& command) {
    static constexpr std::string_view kNames[] = {"dns enable", "dns disable", "dns status", "dns reapply",
                                                  "dns prestart"};
    const auto name = kNames[static_cast<int>(command.verb)];
    if (::geteuid() != 0 && !command.dry_run && command.verb != DnsCommand::Verb::kStatus) {
        complain(name,
                 core::message("it changes how this host resolves names: run it as root (sudo postern {})", name));
        return kExitUnknown;
    }
    const auto setup = dns_setup_or_complain(command);
    if (!setup) return kExitFailed;
    const auto host = HostSystem::real();
    if (command.verb == DnsCommand::Verb::kStatus) return show_status(command, *host, look_at(*host, *setup));
    std::vector<std::string> lines;
    TakeoverHooks hooks = real_hooks([&](const core::Message& line) {
        lines.push_back(line);
        if (!command.json) print(told(line) + "\n");
    });
    hooks.served = [&] {
        const Journal now = JournalFile(setup->paths.hostdns).load().value_or(Journal{});
        return core::Fallback{.listen = setup->dns.listen,
                              .upstreams = find_upstreams(*host, setup->dns, setup->paths, now, {}).servers,
                              .names = setup->names};
    };
    const JournalFile journal(setup->paths.hostdns);
    const std::function<core::Result<void>(const std::function<core::Result<void>()>&)> locked =
        [&](const std::function<core::Result<void>()>& work) -> core::Result<void> {
        if (command.dry_run) return work();
        if (auto made = core::make_folders(core::folder_of(setup->paths.hostdns), 0700); !made) return made;
        const auto lock = lock_takeover(setup->paths.hostdns_lock);
        if (!lock) return core::fail(lock.error());
        return work();
    };
    Takeover takeover(*host, journal, hooks);
    core::Result<void> done;
    switch (command.verb) {
        case DnsCommand::Verb::kEnable: {
            EnableRequest request;
            request.mode = command.mode;
            request.listen = setup->listen;
            request.names = setup->names;
            request.second_server = setup->second_server;
            request.dry_run = command.dry_run;
            done = locked([&]() -> core::Result<void> {
                if (!command.dry_run) {
                    if (auto awake = wake_listener(*host, hooks, request.listen); !awake) return awake;
                }
                const auto enabled = takeover.enable(request);
                if (enabled && !command.dry_run) start_rescue(*host);
                return enabled;
            });
            break;
        }
        case DnsCommand::Verb::kDisable:
            done = locked([&] { return takeover.disable(command.dry_run); });
            break;
        case DnsCommand::Verb::kReapply:
            done = locked([&]() -> core::Result<void> {
                // cloud-init may have identified a clone only after prestart.
                const auto discarded = discard_other_machine(*host, takeover, setup->paths, hooks.say);
                const auto again = takeover.reapply(setup->names);
                return discarded ? again : discarded;
            });
            break;
        case DnsCommand::Verb::kPrestart:
            done = locked([&]() -> core::Result<void> {
                const auto discarded = discard_other_machine(*host, takeover, setup->paths, hooks.say);
                const auto recovered = takeover.recover(true);
                return discarded ? recovered : discarded;
            });
            break;
        case DnsCommand::Verb::kStatus:
            break;
    }
    return finish(command, name, done, lines);
}

}  // namespace postern::agent
