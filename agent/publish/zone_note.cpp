// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/zone_note.h"

#include <algorithm>
#include <map>

namespace postern::agent::publish {
namespace {

using core::Micros;

constexpr std::string_view kVersion = "postern1";
constexpr std::size_t kMaxNote = 255;  // of a TXT record

std::string seconds(Micros wall_us) {
    return core::format_utc(wall_us).substr(0, 19) + "Z";
}

bool is_fingerprint(std::string_view text) {
    return text.size() == 16 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

bool is_publisher(std::string_view text) {
    return !text.empty() && text.size() <= kMaxPublisher && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    });
}

std::string format_note(const Note& note) {
    std::string out = "v=" + std::string(kVersion) + ";by=" + note.publisher + ";wants=" + note.wants +
                      ";at=" + seconds(note.written_wall_us);
    if (!note.did.empty()) out += ";did=" + note.did + ";since=" + seconds(note.changed_wall_us);
    return out;
}

std::optional<Note> parse_note(std::string_view text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
    if (text.size() > kMaxNote) return std::nullopt;
    std::map<std::string_view, std::string_view> fields;
    while (!text.empty()) {
        const std::string_view field = text.substr(0, text.find(';'));
        text.remove_prefix(std::min(text.size(), field.size() + 1));
        const auto equals = field.find('=');
        if (equals == std::string_view::npos) return std::nullopt;
        if (!fields.emplace(field.substr(0, equals), field.substr(equals + 1)).second) return std::nullopt;
    }
    Note out{std::string(fields["by"]), std::string(fields["wants"]), 0, std::string(fields["did"]), 0};
    if (fields["v"] != kVersion || !is_publisher(out.publisher) || !is_fingerprint(out.wants)) return std::nullopt;
    out.written_wall_us = core::parse_utc(std::string(fields["at"]));
    if (!out.did.empty()) out.changed_wall_us = core::parse_utc(std::string(fields["since"]));
    const bool whole = out.written_wall_us >= 0 && out.changed_wall_us >= 0;
    if (!whole || (!out.did.empty() && !is_fingerprint(out.did))) return std::nullopt;
    return out;
}

std::optional<Note> note_in(const ZoneRecord& record) {
    if (record.remark != kMark || record.rr != kNoteRr || record.type != "TXT") return std::nullopt;
    return parse_note(record.value);
}

bool is_fresh(const Note& note, Micros now_wall_us) {
    return note.written_wall_us > now_wall_us - kNoteFresh && note.written_wall_us < now_wall_us + kNoteFresh;
}

}  // namespace postern::agent::publish
