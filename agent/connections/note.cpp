// SPDX-License-Identifier: Apache-2.0
#include "agent/connections/note.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/text/values.h"

namespace postern::agent {

namespace {

constexpr std::size_t kUsersNamed = 3;

bool matters(NoteKind kind, const ConnectionCounts& counts) {
    return kind == NoteKind::kStuck ? counts.stuck > 0 : counts.total() > 0;
}

}  // namespace

std::string_view to_string(NoteKind kind) {
    switch (kind) {
        case NoteKind::kWithdrawn:
            return "withdrawn";
        case NoteKind::kStuck:
            return "stuck";
        case NoteKind::kBypass:
            return "bypass";
    }
    return "stuck";
}

std::string ConnectionNote::text() const {
    std::string out =
        fmt::format("{}{} {} of {} ", at_least ? "at least " : "", total, total == 1 ? "connection" : "connections",
                    uid ? fmt::format("uid {}", *uid) : "other users");
    switch (kind) {
        case NoteKind::kWithdrawn:
            out += fmt::format("still on {}", ip.text());
            break;
        case NoteKind::kStuck:
            out += fmt::format("on {}", ip.text());
            break;
        case NoteKind::kBypass:
            out += fmt::format("to the public gateway {}, not over PrivateLink", ip.text());
            break;
    }
    if (stuck > 0) out += fmt::format(", {} stuck for {}", stuck, rough_duration(stuck_for_us));
    return out;
}

std::vector<ConnectionNote> notes_about(const TargetConnections& seen, bool withdrawn, bool complete) {
    const NoteKind kind = seen.target.bypass ? NoteKind::kBypass : withdrawn ? NoteKind::kWithdrawn : NoteKind::kStuck;
    ConnectionNote rest{.kind = kind, .ip = seen.target.address.ip, .uid = std::nullopt, .at_least = !complete};
    if (!matters(kind, seen.all)) return {};
    rest.total = seen.all.total();
    rest.stuck = seen.all.stuck;
    std::vector<ConnectionNote> notes;
    for (const auto& [uid, counts] : seen.users) {
        if (notes.size() == kUsersNamed) break;
        if (matters(kind, counts)) {
            ConnectionNote note = rest;
            note.uid = uid;
            note.total = counts.total();
            note.stuck = counts.stuck;
            note.stuck_for_us = counts.stuck_for_us;
            notes.push_back(note);
        }
        rest.total -= counts.total();
        rest.stuck -= counts.stuck;
    }
    for (const auto& [uid, counts] : seen.users) {
        const auto has_note = [uid = uid](const ConnectionNote& note) { return note.uid == uid; };
        if (std::none_of(notes.begin(), notes.end(), has_note))
            rest.stuck_for_us = std::max(rest.stuck_for_us, counts.stuck_for_us);
    }
    if (kind == NoteKind::kStuck ? rest.stuck > 0 : rest.total > 0) notes.push_back(rest);
    return notes;
}

}  // namespace postern::agent
