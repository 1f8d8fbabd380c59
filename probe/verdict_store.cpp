// Verdicts across a restart: to JSON and back.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/log.h"
#include "probe/verdict.h"

namespace postern::probe {
namespace {

constexpr std::size_t kLargest = 8u << 20;

}  // namespace

std::string VerdictBook::to_json() const {
    std::string out = fmt::format(R"({{"version":1,"saved":"{}","verdicts":[)", core::format_utc(clock_.wall_us()));
    const core::Micros wall_minus_mono = clock_.wall_us() - clock_.mono_us();
    bool first = true;
    for (const auto& [key, entry] : entries_) {
        const AddressHealth& h = entry.health;
        if (h.last_mono_us == 0) continue;
        out += fmt::format(R"({}{{"link":{},"ip":"{}","path":"{}","service":"{}","comparable":{},"since":"{}","at":"{}","last_ok":{}}})",
                           first ? "\n" : ",\n", core::json_quote(key.first), key.second.text(), to_string(h.verdict.path),
                           to_string(h.verdict.service), h.service_down_comparable, core::format_utc(h.since_wall_us),
                           core::format_utc(h.last_mono_us + wall_minus_mono),
                           h.last_ok_mono_us == 0 ? "null" : '"' + core::format_utc(h.last_ok_mono_us + wall_minus_mono) + '"');
        first = false;
    }
    return out += "\n]}\n";
}

core::Result<int> VerdictBook::restore(const std::string& json, core::Micros max_age_us) {
    const auto bad = [](std::string what) { return core::fail(core::Code::kFileCorrupt, std::move(what)); };
    if (json.size() > kLargest) return bad("saved verdicts: too large");
    const auto root = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
    const auto list = root.is_object() ? root.find("verdicts") : root.end();
    if (!root.is_object() || list == root.end() || !list->is_array()) return bad("saved verdicts: not such a file");
    const core::Micros now = clock_.wall_us(), mono = clock_.mono_us();
    int restored = 0;
    for (const auto& item : *list) {
        const auto text = [&](const char* key) {
            const auto it = item.is_object() ? item.find(key) : item.end();
            return item.is_object() && it != item.end() && it->is_string() ? it->get<std::string>() : std::string{};
        };
        const auto ip = core::IpAddress::parse(text("ip"));
        const core::Micros at = core::parse_utc(text("at"));
        // A time in the future is a clock that was set back: how old the verdict is, nobody knows.
        if (!ip || at < 0 || at > now || now - at > max_age_us) continue;
        const auto it = entries_.find(Key{text("link"), *ip});
        const auto path = parse_state(text("path")), service = parse_state(text("service"));
        if (it == entries_.end() || it->second.health.last_mono_us != 0 || !path || !service) continue;
        AddressHealth& h = it->second.health;
        h.verdict = {*path, *service};
        h.last_mono_us = std::max<core::Micros>(1, mono - (now - at));
        if (const core::Micros ok = core::parse_utc(text("last_ok")); ok > 0 && ok <= now) {
            h.last_ok_mono_us = std::max<core::Micros>(1, mono - (now - ok));
        }
        if (const core::Micros since = core::parse_utc(text("since")); since > 0 && since <= now) {
            h.since_wall_us = since;
            h.since_mono_us = mono - (now - since);
        }
        const auto comparable = item.find("comparable");
        h.path_down = h.verdict.path == State::kDown;
        h.service_down_comparable = h.verdict.service == State::kDown && comparable != item.end() &&
                                    comparable->is_boolean() && comparable->get<bool>();
        if (h.service_down_comparable) it->second.service_reason = Reason::kHttpStatus5xx;
        ++restored;
    }
    return restored;
}

}  // namespace postern::probe
