// SPDX-License-Identifier: Apache-2.0
// Saves and restores verdicts as JSON. The first line has the version and the checksum of what follows:
//     {"postern_verdicts":1,"crc64":"…","verdicts":
//     [ … ]}
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/bytes.h"
#include "core/log.h"
#include "probe/verdict.h"

namespace postern::probe {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxBytes = 8u << 20;
constexpr std::string_view kEnd = "}\n";

std::string head_of(std::string_view body) {
    return fmt::format("{{\"postern_verdicts\":{},\"crc64\":\"{:016x}\",\"verdicts\":\n", kVerdictsVersion,
                       core::crc64(core::as_bytes(body)));
}

/// Monotonic times are not valid in another boot, so all are saved as wall clock times.
class Times {
  public:
    explicit Times(const core::Clock& clock) : now_(clock.wall_us()), offset_(now_ - clock.mono_us()) {}

    core::Micros now() const { return now_; }
    std::string wall(core::Micros mono_us) const { return '"' + core::format_utc(mono_us + offset_) + '"'; }
    /// Never 0, which means "none".
    core::Micros mono(core::Micros wall_us) const { return std::max<core::Micros>(1, wall_us - offset_); }
    bool past(core::Micros wall_us) const { return wall_us > 0 && wall_us <= now_; }

    std::string list(const std::vector<core::Micros>& monos) const {
        std::string out;
        for (const core::Micros at : monos)
            out += (out.empty() ? "" : ",") + wall(at);
        return "[" + out + "]";
    }

  private:
    core::Micros now_, offset_;
};

std::string text_of(const Json& item, const char* key) {
    const auto it = item.find(key);
    return it != item.end() && it->is_string() ? it->get<std::string>() : std::string{};
}

std::vector<core::Micros> times_of(const Json& item, const char* key, const Times& times) {
    std::vector<core::Micros> out;
    const auto it = item.find(key);
    if (it == item.end() || !it->is_array()) return out;
    for (const auto& entry : *it) {
        const core::Micros at = entry.is_string() ? core::parse_utc(entry.get<std::string>()) : -1;
        if (times.past(at) && times.now() - at <= kFlapWindow && out.size() < kMaxDowns) out.push_back(times.mono(at));
    }
    std::sort(out.begin(), out.end());
    return out;
}

/// The list after the first line, if the checksum is right.
core::Result<Json> parse_saved(std::string_view text) {
    const auto bad = [](std::string what) {
        return core::fail(core::Code::kFileCorrupt, core::message("saved verdicts: {}", what));
    };
    if (text.size() > kMaxBytes) return bad("too large");
    if (!text.starts_with(fmt::format("{{\"postern_verdicts\":{},", kVerdictsVersion)))
        return bad("a file of another program or version");
    const auto head_end = text.find('\n');
    if (head_end == std::string_view::npos || !text.ends_with(kEnd)) return bad("cut off");
    std::string_view body = text.substr(head_end + 1);
    body.remove_suffix(std::min(body.size(), kEnd.size()));
    if (text.substr(0, head_end + 1) != head_of(body)) return bad("the checksum is wrong");
    Json list = Json::parse(body, nullptr, /*allow_exceptions=*/false);
    if (!list.is_array()) return bad("no list");
    return list;
}

}  // namespace

std::string VerdictBook::to_json() const {
    const Times times(clock_);
    std::string body = "[";
    for (const auto& [key, entry] : entries_) {
        const AddressHealth& h = entry.health;
        if (h.last_mono_us == 0) continue;
        body += fmt::format(
            R"({}{{"link":{},"ip":"{}","path":"{}","service":"{}","comparable":{},"since":"{}","at":{},"last_ok":{},)"
            R"("path_downs":{},"service_downs":{}}})",
            body.size() == 1 ? "\n" : ",\n", core::json_quote(key.first), key.second.text(), to_string(h.verdict.path),
            to_string(h.verdict.service), h.service_down_comparable, core::format_utc(h.since_wall_us),
            times.wall(h.last_mono_us), h.last_ok_mono_us == 0 ? "null" : times.wall(h.last_ok_mono_us),
            times.list(entry.path.downs), times.list(entry.service.downs));
    }
    body += "\n]";
    return head_of(body) + body + std::string(kEnd);
}

core::Result<int> VerdictBook::restore(const std::string& json, core::Micros max_age_us) {
    const auto list = parse_saved(json);
    if (!list) return core::fail(list.error());
    const Times times(clock_);
    int restored = 0;
    for (const auto& item : *list) {
        if (!item.is_object()) continue;
        const auto ip = core::IpAddress::parse(text_of(item, "ip"));
        const core::Micros at = core::parse_utc(text_of(item, "at"));
        if (!ip || !times.past(at) || times.now() - at > max_age_us) continue;
        const auto it = entries_.find(Key{text_of(item, "link"), *ip});
        const auto path = parse_state(text_of(item, "path")), service = parse_state(text_of(item, "service"));
        if (it == entries_.end() || it->second.health.last_mono_us != 0 || !path || !service) continue;
        Entry& entry = it->second;
        AddressHealth& h = entry.health;
        h.verdict = {*path, *service};
        h.restored = true;
        h.last_mono_us = times.mono(at);
        if (const core::Micros ok = core::parse_utc(text_of(item, "last_ok")); times.past(ok))
            h.last_ok_mono_us = times.mono(ok);
        if (const core::Micros since = core::parse_utc(text_of(item, "since")); times.past(since)) {
            h.since_wall_us = since;
            h.since_mono_us = times.mono(since);
        }
        entry.path.downs = times_of(item, "path_downs", times);
        entry.service.downs = times_of(item, "service_downs", times);
        const auto comparable = item.find("comparable");
        if (comparable != item.end() && comparable->is_boolean() && comparable->get<bool>()) {
            entry.failures.comparable[0] = true;
        }
        refresh(entry, h.verdict);
        ++restored;
    }
    return restored;
}

}  // namespace postern::probe
