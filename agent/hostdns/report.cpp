// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/report.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "agent/hostdns/truce.h"

namespace postern::agent {

core::Message HostDnsReport::text() const {
    if (!problem.empty()) return core::message("unknown: {}", problem);
    const core::Message since = journal.since_wall_us == 0
                                    ? core::Message()
                                    : core::message(" since {}", core::format_time(journal.since_wall_us));
    switch (journal.state) {
        case TakeoverState::kOff:
            return "off: postern is not in the way of this host's DNS (take over: postern dns enable)";
        case TakeoverState::kOn: {
            const auto mode = to_string(journal.decision.mode);
            const bool fails = seen.state == PathState::kFails, unknown = seen.state == PathState::kUnknown;
            return core::message("{}: {} go to {}{}",
                                 silent    ? core::message("not answered, {}{}", mode, since)
                                 : fails   ? core::message("broken, {}{}", mode, since)
                                 : unknown ? core::message("on, not seen working, {}{}", mode, since)
                                           : core::message("on, {}{}", mode, since),
                                 journal.decision.mode == Mode::kSplit ? "the private names" : "all names",
                                 journal.target.listen.text(),
                                 silent  ? core::Message(", where nothing answers")
                                 : fails ? core::message(", but {}", seen.problem())
                                         : core::Message());
        }
        case TakeoverState::kSuspended:
            return core::message(
                "suspended{}: {}; the host has its own DNS, and is taken over again as soon as that ends", since,
                journal.why.empty() ? core::Message("postern did not answer") : journal.why);
        case TakeoverState::kTruce:
            return core::message(
                "truce{}: {} kept rewriting /etc/resolv.conf; taken over again after {}, if it was not written until "
                "then; at once: postern dns enable",
                since, journal.writer.empty() ? core::Message("another program") : core::Message(journal.writer),
                core::format_time(truce_end(journal)));
        case TakeoverState::kEnabling:
        case TakeoverState::kDisabling:
            break;
    }
    return journal.state == TakeoverState::kEnabling
               ? core::message("enabling{}: still running, or interrupted", since)
               : core::message("disabling{}: still running, or interrupted", since);
}

HostDnsReport report_host_dns(const HostSystem& host, core::Result<Journal> journal, PathLook seen,
                              const std::vector<std::string>& names) {
    HostDnsReport r;
    r.seen = std::move(seen);
    if (journal) {
        r.journal = std::move(*journal);
    } else {
        r.problem = journal.error().whole();
    }
    if (r.journal.state == TakeoverState::kOn) {
        for (const auto& entry : r.journal.entries) {
            const auto now = host.look(entry.path);
            if (now && (now->kind != entry.after.kind || now->content != entry.after.content))
                r.out_of_place.push_back(entry.path);
        }
    }
    r.hosts = hosts_findings(host.read("/etc/hosts").value_or(""), names);
    return r;
}

const core::Result<Journal>& JournalWatch::now() {
    struct stat st;
    std::string stamp;
    if (::lstat(file_.path().c_str(), &st) == 0) {
        stamp = fmt::format("{}.{} {} {} {}", st.st_mtim.tv_sec, st.st_mtim.tv_nsec, st.st_ino, st.st_size, st.st_uid);
    }
    if (stamp != stamp_) {
        stamp_ = stamp;
        journal_ = file_.load();
    }
    return journal_;
}

}  // namespace postern::agent
