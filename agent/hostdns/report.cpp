// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/report.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "agent/hostdns/truce.h"

namespace postern::agent {

std::string HostDnsReport::text() const {
    if (!problem.empty()) return "unknown: " + problem;
    const std::string since = journal.since_wall_us == 0 ? "" : " since " + core::format_time(journal.since_wall_us);
    switch (journal.state) {
        case TakeoverState::kOff:
            return "off: postern is not in the way of this host's DNS (take over: postern dns enable)";
        case TakeoverState::kOn:
            return fmt::format("{}, {}{}: {} go to {}{}",
                               silent                              ? "not answered"
                               : seen.state == PathState::kFails   ? "broken"
                               : seen.state == PathState::kUnknown ? "on, not seen working"
                                                                   : "on",
                               to_string(journal.decision.mode), since,
                               journal.decision.mode == Mode::kSplit ? "the private names" : "all names",
                               journal.target.listen.text(),
                               silent                            ? ", where nothing answers"
                               : seen.state == PathState::kFails ? ", but " + seen.problem()
                                                                 : "");
        case TakeoverState::kSuspended:
            return fmt::format(
                "suspended{}: {}; the host has its own DNS, and is taken over again as soon as that ends", since,
                journal.why.empty() ? "postern did not answer" : journal.why);
        case TakeoverState::kTruce:
            return fmt::format(
                "truce{}: {} kept rewriting /etc/resolv.conf; taken over again after {}, if it was not written until "
                "then; at once: postern dns enable",
                since, journal.writer.empty() ? "another program" : journal.writer,
                core::format_time(truce_end(journal)));
        case TakeoverState::kEnabling:
        case TakeoverState::kDisabling:
            break;
    }
    return fmt::format("{}{}: still running, or interrupted", to_string(journal.state), since);
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
