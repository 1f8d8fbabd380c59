// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/takeover.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/hostdns/give_back.h"
#include "agent/hostdns/host_path.h"
#include "agent/hostdns/hosts_file.h"
#include "agent/hostdns/resolv_conf.h"
#include "core/printable.h"
#include "core/text.h"

namespace postern::agent {
namespace {

using core::Code;

constexpr core::Micros kAskTimeout = 5 * core::kSecond;  // silent upstreams take 4 s
constexpr core::Micros kSettleTime = 10 * core::kSecond;
constexpr core::Micros kFailureTime = 5 * core::kSecond;
constexpr core::Micros kSlower = core::kSecond;  // than before
constexpr int kNxDomain = 3;
constexpr const char* kStartIt = "start it: systemctl start postern-resolver postern";

std::string command_text(const HostCommand& command) {
    std::string text = core::joined(command.argv, " ");
    if (text.size() > 400) text = std::string(core::whole_characters(text, 400)) + " …";
    return text;
}

core::Message output_of(const CommandResult& result) {
    if (result.exit == 127) return "there is no such program";
    if (result.exit == -1) return "it did not end within 20 s";
    std::string text = result.output.substr(0, 300);
    while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
        text.pop_back();
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text.empty() ? core::message("exit {}", result.exit) : core::Message(text);
}

core::Message silent(const core::SocketAddress& listen, const core::Error& error) {
    return core::message("postern does not answer at {}: {}", listen.text(), error.whole());
}

core::Message went_on(core::Message what) {
    return core::message("{} (went on)", std::move(what));
}

}  // namespace

Takeover::Takeover(HostSystem& host, JournalFile journal, TakeoverHooks hooks)
    : host_(host), journal_(std::move(journal)), hooks_(std::move(hooks)) {}

void Takeover::set_state(Journal& journal, TakeoverState state) {
    journal.state = state;
    journal.since_wall_us = hooks_.wall_us();
}

core::Result<void> Takeover::enable(const EnableRequest& request) {
    if (!request.dry_run) {
        if (auto recovered = recover(false); !recovered) return recovered;
    }
    auto loaded = journal_.load();
    if (!loaded) return core::fail(loaded.error());
    Journal journal = std::move(*loaded);
    if (journal.state == TakeoverState::kOn) {
        const bool same = journal.wanted == request.mode && journal.target.listen == request.listen &&
                          journal.wanted_second == request.second_server;
        if (request.dry_run) {
            hooks_.say(same ? "taken over already: nothing to do"
                            : "taken over already, in another way: it would be given back first");
            return {};
        }
        if (same) {
            hooks_.say(core::message("taken over already: {}", journal.decision.line));
            return reapply(request.names);
        }
        if (auto answering = refuse_unless_answering(request); !answering) return answering;
        if (auto given = disable(false); !given) return given;
        auto done = enable_anew(request, journal);
        if (done) return done;
        hooks_.say("taking over again as it was");
        EnableRequest before = request;
        before.mode = journal.wanted;
        before.listen = journal.target.listen;
        before.second_server = journal.wanted_second;
        if (auto again = enable_anew(before, journal); !again) hooks_.say(again.error().whole());
        return done;
    }
    return enable_anew(request, journal);
}

/// For a host that has its own DNS. `journal`: the previous state.
core::Result<void> Takeover::enable_anew(const EnableRequest& request, const Journal& journal) {
    const HostFacts facts = gather_facts(host_);
    const Decision decision = decide(facts, request.mode);
    hooks_.say(decision.line);
    if (!decision.refusal.empty())
        return core::fail(Code::kUsage, core::message("not taken over: {}", decision.refusal), decision.hint);
    const bool file_names_us = decision.file != FileWay::kNone && decision.file != FileWay::kNmDnsmasq;
    if (request.listen.port != 53 && file_names_us) {
        return core::fail(Code::kUsage,
                          core::message("not taken over: /etc/resolv.conf knows port 53 only, postern listens on {}",
                                        request.listen.text()),
                          "set [dns] listen = [\"127.0.0.153:53\"]");
    }

    const Target target = target_for(request, facts, decision);
    if (request.dry_run) {
        show(decision, changes_for(decision, target, facts.resolv_conf));
        return {};
    }
    if (auto answering = refuse_unless_answering(request); !answering) return answering;
    Journal fresh;
    fresh.wanted = request.mode;
    fresh.wanted_second = request.second_server;
    fresh.suspensions = journal.suspensions;
    fresh.suspended_after = request.resumes;
    if (request.resumes) fresh.truces = journal.truces;
    return take_over(std::move(fresh), decision, target);
}

Target Takeover::target_for(const EnableRequest& request, const HostFacts& facts, const Decision& decision) const {
    Target target;
    target.listen = request.listen;
    target.names = request.names;
    target.kept = decision.file == FileWay::kOpenresolv
                      ? other_records(host_)
                      : GiveBack(host_, hooks_, Journal{}).without_us(FileState::file(facts.resolv_conf_text)).content;
    if (request.second_server) {
        const auto conf = ResolvConf::parse(target.kept);
        const core::Message why = conf.rotate            ? "options rotate would send it every other query"
                                  : facts.musl           ? "musl asks every server at once and takes the first answer"
                                  : conf.servers.empty() ? "the host names no server"
                                  : conf.servers.front().scope[0] != 0 ? "its address is link-local"
                                                                       : "";
        if (why.empty()) {
            target.second = conf.servers.front().ip;
        } else {
            hooks_.say(core::message("no second nameserver: {}", why));
        }
    }
    return target;
}

/// Private: any answer, because a name may have no address yet. Forwarded: anything but a failure.
core::Result<void> Takeover::refuse_unless_answering(const EnableRequest& request) {
    const auto refuse = [&](core::Message what, core::Message hint) {
        return core::fail(Code::kDnsFailed, core::message("not taken over: {}", std::move(what)), std::move(hint));
    };
    if (!request.names.empty()) {
        const auto answer = hooks_.ask(request.listen, request.names.front(), kAskTimeout);
        if (!answer) return refuse(silent(request.listen, answer.error()), kStartIt);
        if (answer->rcode != 0) {
            // The names are the configuration's, the answer is that of the one in use.
            return refuse(core::message("postern answers {} with RCODE {}", request.names.front(), answer->rcode),
                          answer->rcode == kNxDomain
                              ? "was postern.toml edited since? systemctl reload postern, then: postern dns enable"
                              : core::message("see: postern resolve {}", request.names.front()));
        }
    }
    // A failure may be one of a moment, as of a network that is coming up, and is kept for a second or two then.
    const core::Micros deadline = hooks_.mono_us() + kFailureTime;
    auto answer = hooks_.ask(request.listen, kPublicName, kAskTimeout);
    while (answer && answer->failed() && hooks_.mono_us() < deadline) {
        hooks_.pause(500 * core::kMillisecond);
        answer = hooks_.ask(request.listen, kPublicName, kAskTimeout);
    }
    if (!answer) return refuse(silent(request.listen, answer.error()), kStartIt);
    if (answer->failed()) {
        return refuse(core::message("postern could not forward a query (RCODE {})", answer->rcode),
                      core::message("see: postern resolve {}", std::string(kPublicName)));
    }
    return {};
}

core::Result<void> Takeover::take_over(Journal journal, const Decision& decision, const Target& target) {
    auto resolv_conf = host_.look(kResolvConf);
    if (!resolv_conf) return core::fail(resolv_conf.error());
    journal.decision = decision;
    journal.target = target;
    const Changes changes = changes_for(decision, target, *resolv_conf);
    for (const auto& file : changes.files) {
        auto before = host_.look(file.path);
        if (!before) return core::fail(before.error());
        // A file at one of our own paths is a leftover of ours; and a resolv.conf that names us is not the host's own.
        // What is behind a link may change: it is looked at when it comes back.
        if (file.path != kResolvConf) *before = FileState{};
        if (before->kind == FileState::Kind::kFile) *before = GiveBack(host_, hooks_, Journal{}).without_us(*before);
        journal.entries.push_back({file.path, std::move(*before), file.after});
    }
    set_state(journal, TakeoverState::kEnabling);
    if (auto saved = journal_.save(journal); !saved) return saved;
    if (gets_leases(decision.file)) (void)host_.put(kLeaseFile, FileState{});  // of an earlier takeover
    const core::Micros usual = HostPath(host_, hooks_).quickest(kPublicName);
    auto done = apply(journal, changes);
    if (done) done = refuse_unless_found(target, usual);
    if (!done) {
        core::Error error = done.error();
        if (auto ended = end_given_back(journal); !ended) {
            error.what = core::message("not taken over, and {}. At first: {}", ended.error().what, error.what);
        } else {
            error.what = core::message("not taken over, the host is as before: {}", error.what);
        }
        return core::fail(std::move(error));
    }
    journal.suspended_after = false;
    set_state(journal, TakeoverState::kOn);
    return journal_.save(journal);
}

/// Restores the host and ends in the state in the journal. After a failure the journal stays: it alone has the
/// original state, and the next call continues.
core::Result<void> Takeover::end_given_back(Journal& journal, bool look_up) {
    const auto problems = give_back(journal);
    if (!problems.empty()) {
        core::Message all;
        for (const auto& problem : problems)
            core::add_sentence(all, problem);
        return core::fail(Code::kFileWrite, core::message("not everything could be given back: {}", all),
                          "fix that and run: postern dns disable");
    }
    // Also where resolv.conf was none of the changes: it may name us by now.
    const GiveBack own(host_, hooks_, journal);
    if (auto done = take_us_out(own); !done) hooks_.say(done.error().whole());
    make_resolved_forget(own);
    if (look_up) look_up_names(journal);
    if (!journal.suspended_after) return journal_.remove();
    set_state(journal, TakeoverState::kSuspended);
    return journal_.save(journal);
}

/// A host that can't be helped has been given back nevertheless.
void Takeover::look_up_names(const Journal& journal) {
    if (auto looked = GiveBack(host_, hooks_, journal).look_up_names(); !looked) hooks_.say(looked.error().whole());
}

core::Result<void> Takeover::apply(Journal& journal, const Changes& changes) {
    for (const auto& file : changes.files) {
        const auto now = host_.look(file.path);
        if (now && *now == file.after) continue;
        if (auto put = host_.put(file.path, file.after); !put) return put;
    }
    for (const auto& command : changes.apply) {
        const auto result = host_.act(command.argv, command.input);
        if (!result.ok() && command.must) {
            return core::fail(Code::kInternal, core::message("{}: {}", command_text(command), output_of(result)));
        }
    }
    // The system sets the label, not us: record what is there now.
    for (auto& entry : journal.entries) {
        if (const auto now = host_.look(entry.path); now && now->content == entry.after.content) entry.after = *now;
    }
    return {};
}

/// Name resolution as programs do it must work now, for private and other names, and not be slower than `usual`, that of
/// before. DNS managers take a moment to follow.
core::Result<void> Takeover::refuse_unless_found(const Target& target, core::Micros usual) const {
    for (const auto& finding : hosts_findings(host_.read("/etc/hosts").value_or(""), target.names))
        hooks_.say(core::message("{} (fix: {})", finding.what(), finding.fix()));
    HostPath path(host_, hooks_);
    const core::Micros deadline = hooks_.mono_us() + kSettleTime;
    PathLook seen = path.look(target, true);
    while (seen.state == PathState::kFails && hooks_.mono_us() < deadline) {
        hooks_.pause(200 * core::kMillisecond);
        seen = path.look(target, true);
    }
    if (seen.state == PathState::kFails) {
        return core::fail(Code::kDnsFailed,
                          core::message("programs of this host could not look up {} through it", seen.name),
                          "is a cache (nscd) or another resolver in between? see: postern dns status");
    }
    core::Micros took = path.slowest_found();
    while (took > usual + kSlower && hooks_.mono_us() < deadline)
        took = path.slowest_found();
    if (took <= usual + kSlower) return {};
    return core::fail(Code::kDnsFailed,
                      core::message("lookups of this host's programs took {} s through it, {} s before",
                                    fmt::format("{:.1f}", 1e-6 * static_cast<double>(took)),
                                    fmt::format("{:.1f}", 1e-6 * static_cast<double>(usual))),
                      "see which resolver is in between: postern dns status");
}

/// The content to restore: the original, except for a lease that its client got meanwhile and reported only to us. One
/// that says the same leaves the original as its client wrote it.
FileState Takeover::original(const JournalEntry& entry, const Journal& journal) const {
    FileState state = entry.before;
    if (entry.path == kResolvConf && gets_leases(journal.decision.file) && state.kind == FileState::Kind::kFile) {
        const std::string lease = host_.read(kLeaseFile).value_or("");
        const auto now = ResolvConf::parse(lease), was = ResolvConf::parse(state.content);
        if (!now.servers.empty() && (now.servers != was.servers || now.search != was.search)) state.content = lease;
    }
    return state;
}

/// Files in reverse, then the commands that make their owners read them again. Continues after errors
/// and returns them.
std::vector<core::Message> Takeover::give_back(const Journal& journal) {
    std::vector<core::Message> problems;
    for (auto entry = journal.entries.rbegin(); entry != journal.entries.rend(); ++entry) {
        FileState before = original(*entry, journal);
        if (entry->path == kDhcpcdHook && !is_own_file(host_, kDhcpcdHook)) continue;
        if (entry->path == kResolvConf) {
            const auto own = GiveBack(host_, hooks_, journal).resolv_conf(before, entry->after);
            if (!own) continue;
            before = *own;
        }
        const auto now = host_.look(entry->path);
        if (now && *now == before) continue;
        if (auto put = host_.put(entry->path, before); !put) problems.push_back(put.error().whole());
    }
    const Changes changes = changes_for(journal.decision, journal.target, FileState{});
    for (const auto& command : changes.undo) {
        const auto result = host_.act(command.argv, command.input);
        if (!result.ok()) hooks_.say(went_on(core::message("{}: {}", command_text(command), output_of(result))));
    }
    remove_left_records();
    if (gets_leases(journal.decision.file)) (void)host_.put(kLeaseFile, FileState{});
    return problems;
}

void Takeover::remove_left_records() {
    for (const auto& path : left_records(host_))
        (void)host_.put(path, FileState{});
}

core::Result<void> Takeover::disable(bool dry_run) {
    auto journal = journal_.load();
    if (!journal) {
        // Not accepted: our own files, known by name and form, are removed, so that the host is not left with them.
        hooks_.say(journal.error().whole());
        if (auto restored = restore_orphan(dry_run); !restored) return restored;
        return dry_run ? core::Result<void>{} : journal_.set_aside();
    }
    if (journal->state == TakeoverState::kOff) return restore_orphan(dry_run);
    const bool given_back = journal->state == TakeoverState::kSuspended || journal->state == TakeoverState::kTruce;
    if (dry_run) {
        if (given_back) hooks_.say("the host has its own DNS already: only the journal would be removed");
        for (const auto& entry : journal->entries) {
            if (!given_back) hooks_.say(core::message("would give back {}", entry.path));
        }
        return {};
    }
    if (!given_back) {
        set_state(*journal, TakeoverState::kDisabling);
        journal->suspended_after = false;
        // A full disk must not prevent the restore: the journal as it is suffices.
        if (auto saved = journal_.save(*journal); !saved) hooks_.say(went_on(saved.error().whole()));
        if (auto ended = end_given_back(*journal); !ended) return ended;
        hooks_.say("given back: the host's DNS is its own again");
        return {};
    }
    if (auto kept = keep_own_dns(); !kept) return kept;
    make_resolved_forget(GiveBack(host_, hooks_, *journal));
    return journal_.remove();
}

core::Result<void> Takeover::keep_own_dns() {
    const auto journal = journal_.load();
    const auto now = host_.look(kResolvConf);
    const GiveBack give_back(host_, hooks_, journal.value_or(Journal{}));
    return now && give_back.names_us_alone(*now) ? take_us_out(give_back) : core::Result<void>{};
}

core::Result<void> Takeover::take_us_out(const GiveBack& give_back) {
    const auto now = host_.look(kResolvConf);
    if (!now) return core::fail(now.error());
    const bool alone = give_back.names_us_alone(*now);
    const FileState own = give_back.without_us(*now);
    if (own == *now && alone) {
        return core::fail(Code::kFileMissing, "/etc/resolv.conf names postern alone, and no other server is known",
                          "write the host's own nameservers into it");
    }
    if (own == *now) return {};
    hooks_.say(alone ? "/etc/resolv.conf named postern alone: it names the servers that postern forwarded to"
                     : "postern is taken out of /etc/resolv.conf: its other servers stay");
    return host_.put(kResolvConf, own);
}

/// It keeps the servers that it read from a resolv.conf that was not its own, also when it is its own again: our file's
/// while another program had led resolv.conf elsewhere. A link's servers go a moment after the link.
void Takeover::make_resolved_forget(const GiveBack& give_back) {
    if (!host_.process_runs("systemd-resolved")) return;
    const core::Micros deadline = hooks_.mono_us() + core::kSecond;
    while (give_back.servers_of(FileState::file(host_.read(kResolvedUplinks).value_or(""))).ours) {
        if (hooks_.mono_us() >= deadline) {
            for (const HostCommand& command : restart_resolved())
                (void)host_.act(command.argv, command.input);
            return;
        }
        hooks_.pause(100 * core::kMillisecond);
    }
}

/// There is no journal, but something of ours exists: the state folder was lost, or somebody wrote our address. Our own
/// files and records are removed; a resolv.conf that names us does not any more.
core::Result<void> Takeover::restore_orphan(bool dry_run) {
    const auto now = host_.look(kResolvConf);
    const GiveBack give_back(host_, hooks_, Journal{});
    const bool named = now && give_back.servers_of(*now).ours;
    std::vector<std::string> own;
    for (const char* path : kOwnFiles) {
        if (is_own_file(host_, path)) own.push_back(path);
    }
    const bool record = has_record(host_);
    if (!named && own.empty() && !record) {
        hooks_.say("nothing is taken over: nothing to give back");
        return {};
    }
    hooks_.say(core::message("there is no journal to go by: what is postern's is removed{}{}",
                             own.empty() ? core::Message() : core::message(", {}", core::joined(own)),
                             named ? ", and its address in /etc/resolv.conf" : ""));
    if (dry_run) return {};
    for (const auto& path : own) {
        if (auto put = host_.put(path, FileState{}); !put) return put;
    }
    for (const HostCommand& command : commands_after_own_files(own))
        (void)host_.act(command.argv, command.input);
    if (record) (void)host_.act({"resolvconf", "-d", kRecord}, {});
    remove_left_records();
    auto done = take_us_out(give_back);
    make_resolved_forget(give_back);
    return done;
}

void Takeover::show(const Decision& decision, const Changes& changes) const {
    hooks_.say(core::message("would take over in {} mode:", to_string(decision.mode)));
    for (const auto& file : changes.files) {
        const auto now = host_.look(file.path);
        const bool is_new = now && now->kind == FileState::Kind::kAbsent;
        hooks_.say(is_new ? core::message("  write {}:", file.path) : core::message("  replace {}:", file.path));
        std::string_view text = file.after.content;
        while (!text.empty()) {
            const std::size_t end = text.find('\n');
            hooks_.say("    | " + std::string(text.substr(0, end)));
            text.remove_prefix(end == text.npos ? text.size() : end + 1);
        }
    }
    for (const auto& command : changes.apply) {
        hooks_.say(core::message(
            "  run {}",
            command_text(command) +
                (command.input.empty() ? "" : "  <<< " + command.input.substr(0, command.input.size() - 1))));
    }
    hooks_.say(core::message("  keep how it was in {}; postern dns disable gives it back", journal_.path()));
}

}  // namespace postern::agent
