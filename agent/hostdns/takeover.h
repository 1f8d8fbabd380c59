// SPDX-License-Identifier: Apache-2.0
// Takes the host's DNS over and gives it back. Each change is journalled before it is made; if the process is killed
// in between, the next call reads the journal and restores the host. Called by root commands, one at a time (a lock).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/hostdns/journal.h"
#include "core/fallback_file.h"

namespace postern::agent {

struct SystemLookup {
    enum class Outcome { kAnswered, kNoSuchName, kFailed };
    Outcome outcome = Outcome::kFailed;
    std::vector<core::IpAddress> addresses;  // sorted
};

struct ListenerAnswer {
    int rcode = 0;
    std::vector<core::IpAddress> addresses;

    /// SERVFAIL, NOTIMP or REFUSED: of a forwarded name, that no upstream answered it.
    bool failed() const { return rcode == 2 || rcode == 4 || rcode == 5; }
};

/// Answered by postern itself (RFC 6761): shows whether it is running, without the upstreams.
inline constexpr const char* kLocalName = "localhost";
/// Forwarded (RFC 2606); that it does not exist would also be an answer.
inline constexpr const char* kPublicName = "example.com";

/// For one lookup: the first of a host's servers may be dead.
inline constexpr core::Micros kLookupPatience = 10 * core::kSecond;

/// Outside facilities other than the host's configuration.
struct TakeoverHooks {
    /// What postern serves: where it listens, its names, and its last known upstreams, for a host whose own file names
    /// no server but us.
    std::function<core::Fallback()> served;
    std::function<core::Micros()> wall_us;  // for times that are stored
    std::function<core::Micros()> mono_us;  // for every wait: setting the clock must not make one last for hours
    std::function<void(core::Micros)> pause;
    /// Asks a DNS server for a name's addresses; an error if there is no answer in time.
    std::function<core::Result<ListenerAnswer>(const core::SocketAddress& server, const std::string& name,
                                               core::Micros timeout_us)>
        ask;
    /// As every program does: getaddrinfo, in a separate process.
    std::function<SystemLookup(const std::string& name, core::Micros patience)> look_up;
    /// One line for the user and the log.
    std::function<void(const core::Message&)> say;
};

struct EnableRequest {
    Mode mode = Mode::kAuto;
    core::SocketAddress listen;
    std::vector<std::string> names;
    bool second_server = false;  // keep the first old server as a second nameserver line
    bool dry_run = false;
    bool resumes = false;  // a failure ends as suspended, to be retried
};

class GiveBack;

class Takeover {
  public:
    Takeover(HostSystem& host, JournalFile journal, TakeoverHooks hooks);

    /// For all of these: after an error the host is as before, or as the error says.
    core::Result<void> enable(const EnableRequest& request);
    core::Result<void> disable(bool dry_run);
    /// After another program rewrote a file, a link vanished or the private names changed. `names`: served now.
    core::Result<void> reapply(const std::vector<std::string>& names);
    /// As reapply(), for a host whose programs do not get our answers although all seems in place.
    core::Result<void> mend(const std::vector<std::string>& names);
    /// Completes what a killed process left unfinished. At boot a truce also ends.
    core::Result<void> recover(bool boot);
    /// To be called when it is over: the next resume() takes over again.
    core::Result<void> end_truce();
    /// Restores the host but remembers the user's wish. `why`: a sentence for people.
    core::Result<void> suspend(const core::Message& why);
    /// While nothing is taken over: a resolv.conf that names us alone, whoever wrote it, gets the last known upstreams.
    core::Result<void> keep_own_dns();
    /// Takes over again after suspend(), with a new decision. What prevents it is kept as the reason.
    core::Result<void> resume(const std::vector<std::string>& names);

  private:
    core::Result<void> enable_anew(const EnableRequest& request, const Journal& journal);
    core::Result<void> end_given_back(Journal& journal, bool look_up = true);
    Target target_for(const EnableRequest& request, const HostFacts& facts, const Decision& decision) const;
    core::Result<void> refuse_unless_answering(const EnableRequest& request);
    core::Result<void> take_over(Journal journal, const Decision& decision, const Target& target);
    core::Result<void> start_truce(Journal& journal);
    core::Result<void> during_truce(Journal& journal);
    void learn(Journal& journal, JournalEntry& file, const FileState& now);
    core::Result<void> apply(Journal& journal, const Changes& changes);
    core::Result<void> refuse_unless_found(const Target& target, core::Micros usual) const;
    std::vector<core::Message> give_back(const Journal& journal);
    void remove_left_records();
    core::Result<void> give_back_for_now(Journal& journal, TakeoverState state);
    core::Result<void> apply_again(const std::vector<std::string>& names, bool even_if_in_place);
    core::Result<void> hand_over(Journal& journal, const core::Message& why, const std::vector<std::string>& names);
    core::Message owner_is_gone(const Journal& journal) const;
    void set_state(Journal& journal, TakeoverState state);
    FileState original(const JournalEntry& entry, const Journal& journal) const;
    std::string kept_lines(const Journal& journal) const;
    core::Result<void> take_us_out(const GiveBack& give_back);
    void make_resolved_forget(const GiveBack& give_back);
    core::Result<void> restore_orphan(bool dry_run);
    void look_up_names(const Journal& journal);
    void show(const Decision& decision, const Changes& changes) const;

    HostSystem& host_;
    JournalFile journal_;
    TakeoverHooks hooks_;
};

}  // namespace postern::agent
