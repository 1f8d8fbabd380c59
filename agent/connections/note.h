// SPDX-License-Identifier: Apache-2.0
// What people are told about connections: to a withdrawn address, stuck ones, and those around the link. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/connections/summary.h"

namespace postern::agent {

enum class NoteKind {
    kWithdrawn,  // to an address that DNS does not answer any more
    kStuck,      // to an answered address, some of them stuck
    kBypass,     // to the public gateway
};
std::string_view to_string(NoteKind kind);  // "withdrawn"

/// One sentence, about the connections of one user to one address.
struct ConnectionNote {
    NoteKind kind = NoteKind::kWithdrawn;
    core::IpAddress ip;
    std::optional<std::uint32_t> uid;  // nullopt: of all users that have no note of their own
    std::uint32_t total = 0, stuck = 0;
    Micros stuck_for_us = 0;  // the longest
    bool at_least = false;    // the look was cut short

    /// "12 connections of uid 1001 still on 10.0.1.23, 9 stuck for 41 s"
    std::string text() const;
};

/// Empty if there is nothing to tell. The users with the most stuck connections first; the fourth and later ones
/// are one note.
std::vector<ConnectionNote> notes_about(const TargetConnections& seen, bool withdrawn, bool complete);

}  // namespace postern::agent
