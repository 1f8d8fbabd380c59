// SPDX-License-Identifier: Apache-2.0
// Later events of a takeover: another program rewrites a file, a process was killed half-way, postern
// does not answer.
#include <fmt/format.h>

#include <algorithm>

#include "agent/hostdns/give_back.h"
#include "agent/hostdns/resolv_conf.h"
#include "agent/hostdns/truce.h"

namespace postern::agent {
namespace {

using core::Code;

constexpr core::Micros kAliveTimeout = 3 * core::kSecond;
constexpr core::Micros kSuspensionWindow = 60 * core::kMinute;

void prune(std::vector<core::Micros>& times, core::Micros now, core::Micros window) {
    std::erase_if(times, [&](core::Micros t) { return t > now || now - t > window; });
}

/// It takes over again after a suspend and a truce; without systemd the next enable does.
void start_rescue(HostSystem& host) {
    (void)host.act({"systemctl", "--no-block", "start", "postern-rescue.service"}, {});
}

const core::IpAddress& stub_address() {
    static const auto kStub = *core::IpAddress::parse("127.0.0.53");
    return kStub;
}

}  // namespace

std::string Takeover::kept_lines(const Journal& journal) const {
    switch (journal.decision.file) {
        case FileWay::kOpenresolv:
            return other_records(host_);
        case FileWay::kDhclient:
        case FileWay::kDhcpcd:
            if (auto lease = host_.read(kLeaseFile)) return *lease;
            break;
        case FileWay::kNmUnmanaged:
            if (auto servers = host_.read(kNmServers)) return *servers;
            break;
        default:
            break;
    }
    return journal.target.kept;
}

/// Another program wrote resolv.conf. Its file is the host's own if it names a server that we did not write; if it names
/// us as well, it is that without us. What was the host's own until then is kept behind it: the new server may be a
/// VPN's, which is gone when the VPN puts back what it found.
void Takeover::learn(Journal& journal, JournalEntry& file, const FileState& now) {
    const GiveBack give_back(host_, hooks_, journal);
    const std::string text = host_.read(kResolvConf).value_or("");
    auto named = give_back.servers_of(now);
    std::erase_if(named.others, [&](const auto& server) { return server.ip == journal.target.second; });
    const bool theirs = !named.others.empty();
    const auto is_back = [&](const EarlierFile& was) {
        if (theirs) return now.kind == was.before.kind && now.content == was.before.content;
        return named.ours && other_lines(text) == other_lines(was.kept);
    };
    const bool edited = !theirs && other_lines(text) == other_lines(journal.target.kept);
    const auto back =
        edited ? journal.earlier.end() : std::find_if(journal.earlier.begin(), journal.earlier.end(), is_back);
    journal.writer = writer_named_in(text);
    if (back != journal.earlier.end()) {
        file.before = back->before;
        journal.target.kept = back->kept;
        journal.earlier.erase(journal.earlier.begin(), back + 1);
        return;
    }
    if (!theirs) return;
    FileState own = named.ours ? give_back.resolv_conf(file.before, file.after).value_or(file.before) : now;
    if (own.kind == file.before.kind && own.content == file.before.content) return;
    // A program that renames its new file to here leaves it with the SELinux label of the folder.
    if (own.kind == file.before.kind && !file.before.selinux.empty()) own.selinux = file.before.selinux;
    if (journal.earlier.size() == kMaxEarlier) journal.earlier.erase(journal.earlier.end() - 2);  // never the first one
    journal.earlier.insert(journal.earlier.begin(), {file.before, journal.target.kept});
    file.before = std::move(own);
    journal.target.kept = named.ours ? file.before.content : text;
}

/// "" or what has ended, of what the takeover went through. A program that only does not run may be restarting.
core::Message Takeover::owner_is_gone(const Journal& journal) const {
    const Decision& d = journal.decision;
    const auto gone = [&](bool used, const char* program) { return used && !host_.program_exists(program); };
    if (d.link != LinkWay::kNone && d.file == FileWay::kNone &&
        !ResolvConf::parse(host_.read(kResolvConf).value_or("")).names(stub_address()))
        return "/etc/resolv.conf does not name systemd-resolved any more";
    if (gone(d.file == FileWay::kResolvconf || d.file == FileWay::kOpenresolv, "resolvconf") ||
        gone(d.link != LinkWay::kNone, "resolvectl") ||
        gone(d.file == FileWay::kNmUnmanaged || d.file == FileWay::kNmDnsmasq, "nmcli"))
        return core::message("{} is gone from this host", to_string(d.owner));
    return "";
}

core::Result<void> Takeover::hand_over(Journal& journal, const core::Message& why,
                                       const std::vector<std::string>& names) {
    hooks_.say(core::message("{}: taking over again, in another way", why));
    journal.why = why;
    if (auto given = give_back_for_now(journal, TakeoverState::kSuspended); !given) return given;
    auto resumed = resume(names);
    if (!resumed) start_rescue(host_);
    return resumed;
}

core::Result<void> Takeover::reapply(const std::vector<std::string>& names) {
    return apply_again(names, false);
}

core::Result<void> Takeover::mend(const std::vector<std::string>& names) {
    return apply_again(names, true);
}

core::Result<void> Takeover::apply_again(const std::vector<std::string>& names, bool even_if_in_place) {
    auto loaded = journal_.load();
    if (!loaded) return core::fail(loaded.error());
    Journal& journal = *loaded;
    if (journal.state == TakeoverState::kEnabling || journal.state == TakeoverState::kDisabling) return recover(false);
    if (journal.state == TakeoverState::kTruce) return during_truce(journal);
    if (journal.state != TakeoverState::kOn) return {};
    if (const core::Message why = owner_is_gone(journal); !why.empty()) return hand_over(journal, why, names);

    Target target = journal.target;
    target.names = names;
    auto resolv_conf = host_.look(kResolvConf);
    if (!resolv_conf) return core::fail(resolv_conf.error());
    JournalEntry* file = journal.find(kResolvConf);
    bool rewritten = false;
    if (file != nullptr && (resolv_conf->kind != file->after.kind || resolv_conf->content != file->after.content)) {
        rewritten = true;
        learn(journal, *file, *resolv_conf);
        if (count_rewrite(journal, hooks_.wall_us())) return start_truce(journal);
    }
    target.kept = kept_lines(journal);
    const Changes changes = changes_for(journal.decision, target, file != nullptr ? file->before : *resolv_conf);
    bool files_in_place = true;
    for (const auto& change : changes.files) {
        const auto now = host_.look(change.path);
        JournalEntry* entry = journal.find(change.path);
        if (entry == nullptr) {
            journal.entries.insert(journal.entries.begin(), {change.path, FileState{}, change.after});
            files_in_place = false;
        } else if (!now || now->content != change.after.content || now->kind != change.after.kind ||
                   entry->after.content != change.after.content) {
            entry->after = change.after;
            files_in_place = false;
        }
    }
    if (!even_if_in_place && files_in_place && runtime_in_place(host_, changes)) return {};
    if (const auto alive = hooks_.ask(target.listen, kLocalName, kAliveTimeout); !alive) {
        return core::fail(Code::kDnsFailed,
                          core::message("not applied again: postern does not answer at {}", target.listen.text()),
                          "the rescue unit gives the host its DNS back if that lasts");
    }
    journal.target = target;
    if (auto saved = journal_.save(journal); !saved) return saved;
    if (auto done = apply(journal, changes); !done) return done;
    hooks_.say(!rewritten ? core::Message("applied again")
               : journal.writer.empty()
                   ? core::message("applied again: {} had been rewritten", kResolvConf)
                   : core::message("applied again: {} had been rewritten by {}", kResolvConf, journal.writer));
    return journal_.save(journal);
}

core::Result<void> Takeover::recover(bool boot) {
    auto journal = journal_.load();
    if (!journal) return core::fail(journal.error());
    switch (journal->state) {
        case TakeoverState::kEnabling:
        case TakeoverState::kDisabling: {
            hooks_.say(journal->state == TakeoverState::kEnabling
                           ? "an enable was interrupted: giving the host its DNS back"
                           : "a disable was interrupted: finishing it");
            return end_given_back(*journal, !boot);  // at boot there is no network yet
        }
        case TakeoverState::kTruce:
            return boot ? end_truce() : core::Result<void>{};
        default:
            return {};
    }
}

core::Result<void> Takeover::start_truce(Journal& journal) {
    const auto rewrites = journal.rewrites.size();
    begin_truce(journal, hooks_.wall_us());
    if (auto given = give_back_for_now(journal, TakeoverState::kTruce); !given) return given;
    hooks_.say(
        core::message("truce: {} rewrote /etc/resolv.conf {} times within a minute; postern leaves it alone until "
                      "it was not written for {} minutes. Stop that program from writing it; at once: postern dns "
                      "enable",
                      journal.writer.empty() ? core::Message("another program") : core::Message(journal.writer),
                      rewrites, (truce_end(journal) - hooks_.wall_us()) / core::kMinute));
    start_rescue(host_);
    return {};
}

/// A rewrite prolongs it. The rescue ends it, and may have been killed.
core::Result<void> Takeover::during_truce(Journal& journal) {
    start_rescue(host_);
    const std::string text = host_.read(kResolvConf).value_or("");
    if (text == journal.target.kept) return {};
    journal.target.kept = text;
    journal.rewrites.push_back(hooks_.wall_us());
    if (journal.rewrites.size() > kRewritesToTruce) journal.rewrites.erase(journal.rewrites.begin());
    return journal_.save(journal);
}

core::Result<void> Takeover::end_truce() {
    auto journal = journal_.load();
    if (!journal) return core::fail(journal.error());
    if (journal->state != TakeoverState::kTruce) return {};
    hooks_.say("the truce over /etc/resolv.conf ends: taken over again once postern has answered for a while");
    journal->rewrites.clear();
    set_state(*journal, TakeoverState::kSuspended);
    return journal_.save(*journal);
}

core::Result<void> Takeover::suspend(const core::Message& why) {
    auto journal = journal_.load();
    if (!journal) return core::fail(journal.error());
    if (journal->state != TakeoverState::kOn) return recover(false);
    const core::Micros now = hooks_.wall_us();
    prune(journal->suspensions, now, kSuspensionWindow);
    journal->suspensions.push_back(now);
    journal->why = why;
    return give_back_for_now(*journal, TakeoverState::kSuspended);
}

/// Restores the host and remembers that the user wants the takeover. If killed in the middle, it is a disable to be
/// finished. A full disk must not prevent the restore.
core::Result<void> Takeover::give_back_for_now(Journal& journal, TakeoverState state) {
    set_state(journal, TakeoverState::kDisabling);
    journal.suspended_after = true;
    if (auto saved = journal_.save(journal); !saved) hooks_.say(core::message("{} (went on)", saved.error().whole()));
    if (auto ended = end_given_back(journal); !ended || state == TakeoverState::kSuspended) return ended;
    set_state(journal, state);
    return journal_.save(journal);
}

core::Result<void> Takeover::resume(const std::vector<std::string>& names) {
    auto journal = journal_.load();
    if (!journal) return core::fail(journal.error());
    if (journal->state != TakeoverState::kSuspended) return {};
    EnableRequest request;
    request.mode = journal->wanted;
    request.listen = journal->target.listen;
    request.names = names;
    request.second_server = journal->wanted_second;
    request.resumes = true;
    auto resumed = enable(request);
    if (resumed) return resumed;
    auto now = journal_.load();
    if (now && now->state == TakeoverState::kSuspended && now->why != resumed.error().what) {
        now->why = resumed.error().what;
        (void)journal_.save(*now);  // the reason alone is not worth more
    }
    return resumed;
}

}  // namespace postern::agent
