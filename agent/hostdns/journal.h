// SPDX-License-Identifier: Apache-2.0
// hostdns.json: what was changed on the host and what it was before. Written and synced before each change, so that
// the host can be restored exactly, whatever happens in between. Root reads it from a folder of an ordinary user:
// accepted only if root wrote it, and only for the paths that postern changes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/hostdns/changes.h"
#include "core/clock.h"

namespace postern::agent {

inline constexpr int kJournalVersion = 1;
inline constexpr std::size_t kMaxEarlier = 4;

enum class TakeoverState {
    kOff,       // no journal
    kEnabling,  // a journal with this state is from a killed process: everything is restored
    kOn,
    kDisabling,  // also from a killed process: the restore continues
    kSuspended,  // restored because postern did not answer; taken over again when it does
    kTruce,      // restored because another program kept rewriting resolv.conf; taken over again when it rests
};
std::string_view to_string(TakeoverState state);

struct JournalEntry {
    std::string path;
    FileState before, after;
};

/// What was given back before another program's file came; and the file whose other lines were kept then.
struct EarlierFile {
    FileState before;
    std::string kept;
    bool operator==(const EarlierFile&) const = default;
};

struct Journal {
    TakeoverState state = TakeoverState::kOff;
    Mode wanted = Mode::kAuto;     // what the user asked for
    bool wanted_second = false;    // also a second nameserver line
    bool suspended_after = false;  // an interrupted change ends as suspended, not as off
    Decision decision;             // the result
    Target target;
    std::vector<JournalEntry> entries;      // in the order of the changes
    std::vector<EarlierFile> earlier;       // resolv.conf's, newest first; the last is from before the takeover
    core::Micros since_wall_us = 0;         // of the state
    std::vector<core::Micros> rewrites;     // the last times another program rewrote resolv.conf
    std::string writer;                     // which one, by the file's comments
    std::vector<core::Micros> truces;       // when the last ones began
    std::vector<core::Micros> suspensions;  // the last few
    core::Message why;                      // it is suspended: a sentence for people

    JournalEntry* find(std::string_view path);
};

class JournalFile {
  public:
    explicit JournalFile(std::string path) : path_(std::move(path)) {}

    /// kOff if there is none. kFileCorrupt with a hint if it can't be read or is not accepted.
    core::Result<Journal> load() const;
    core::Result<void> save(const Journal& journal) const;
    core::Result<void> remove() const;
    /// Renames a journal that was not accepted, so that it can be inspected.
    core::Result<void> set_aside() const;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

/// Serialising and parsing, for tests and the loader.
std::string journal_json(const Journal& journal);
core::Result<Journal> parse_journal(std::string_view text);

}  // namespace postern::agent
