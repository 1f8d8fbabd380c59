// SPDX-License-Identifier: Apache-2.0
// What a publisher tells the others: a TXT record beside the name's own, one for each publisher. It says which records it
// would have, and when it last changed them. Publishers share no other memory. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/publish/private_zone.h"
#include "core/clock.h"

namespace postern::agent::publish {

inline constexpr core::Micros kNoteFresh = 10 * core::kMinute;  // an older one is that of a publisher that is gone
inline constexpr std::size_t kMaxPublisher = 63;

struct Note {
    std::string publisher;  // letters, digits, '.', '_', '-'; at most kMaxPublisher
    std::string wants;      // fingerprint() of the records that it would have
    core::Micros written_wall_us = 0;
    std::string did;                   // of those that it last changed to; "" for none yet
    core::Micros changed_wall_us = 0;  // when that change began; 0: none yet
    bool operator==(const Note&) const = default;
};

/// Whether the text may name a publisher.
bool is_publisher(std::string_view text);

/// At most 255 bytes; times in whole seconds.
std::string format_note(const Note& note);
/// nullopt for any other text; quotes around it are accepted.
std::optional<Note> parse_note(std::string_view text);
/// The note in a record of ours; nullopt for any other record.
std::optional<Note> note_in(const ZoneRecord& record);

/// False for one that is old, or from a future that no clock's error explains.
bool is_fresh(const Note& note, core::Micros now_wall_us);

}  // namespace postern::agent::publish
