// hostdns.json: what was changed on the host and how it was before. Written and synced before each change, so that
// whatever happens in between, the host can be given back exactly. Read by root from a folder of an ordinary user:
// believed only when root wrote it, and only about the paths that postern changes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/hostdns/changes.h"
#include "core/clock.h"

namespace postern::agent {

inline constexpr int kJournalVersion = 1;

enum class TakeoverState {
    kOff,       // no journal
    kEnabling,  // a journal with this state is of a process that was killed: everything is given back
    kOn,
    kDisabling,  // likewise: giving back goes on
    kSuspended,  // given back because nobody answered; taken up again when somebody does
    kTruce,      // given back because somebody else kept rewriting resolv.conf
};
std::string_view to_string(TakeoverState state);

struct JournalEntry {
    std::string path;
    FileState before, after;
};

struct Journal {
    TakeoverState state = TakeoverState::kOff;
    Mode wanted = Mode::kAuto;     // what the user asked for
    bool wanted_second = false;    // also a second nameserver line
    bool suspended_after = false;  // a half-done change ends as suspended, not as off
    Decision decision;             // what came out
    Target target;
    std::vector<JournalEntry> entries;      // in the order of the changes
    core::Micros since_wall_us = 0;         // of the state
    std::vector<core::Micros> rewrites;     // when somebody else rewrote resolv.conf, the last few
    std::string writer;                     // who that was, by the file's comments
    std::vector<core::Micros> suspensions;  // the last few

    JournalEntry* find(std::string_view path);
};

class JournalFile {
  public:
    explicit JournalFile(std::string path) : path_(std::move(path)) {}

    /// kOff when there is none. kFileCorrupt with a hint when it can't be read or must not be believed.
    core::Result<Journal> load() const;
    core::Result<void> save(const Journal& journal) const;
    core::Result<void> remove() const;
    /// One that is not believed: kept for whoever wants to know, out of the way.
    core::Result<void> set_aside() const;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

/// The two directions of its form, for tests and the loader.
std::string journal_json(const Journal& journal);
core::Result<Journal> parse_journal(std::string_view text);

}  // namespace postern::agent
