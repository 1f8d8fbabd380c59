// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/history_json.h"

#include <fmt/format.h>

#include <set>

#include "core/log.h"

namespace postern::agent {

namespace {

using probe::Reason;
using probe::Rollup;
using probe::Spread;

/// `"key":[a,b,…]`, one number per row.
template <class Number>
std::string column(std::string_view key, const std::vector<Rollup>& rollups, Number number) {
    std::string out = fmt::format("\"{}\":[", key);
    for (const Rollup& r : rollups) {
        if (out.back() != '[') out += ',';
        out += number(r);
    }
    return out + "]";
}

std::uint32_t count_of(const Rollup& rollup, Reason reason) {
    for (const auto& r : rollup.reasons) {
        if (r.reason == reason) return r.count;
    }
    return 0;
}

std::string reasons_json(const std::vector<Rollup>& rollups) {
    std::set<Reason> seen;
    for (const Rollup& r : rollups) {
        for (const auto& reason : r.reasons)
            seen.insert(reason.reason);
    }
    seen.erase(Reason::kNone);
    std::string out;
    for (const Reason reason : seen) {
        if (!out.empty()) out += ",\n";
        out += column(to_string(reason), rollups, [&](const Rollup& r) { return std::to_string(count_of(r, reason)); });
    }
    return "{" + out + "}";
}

/// null where there is no measurement.
std::string spreads_json(const std::vector<Rollup>& rollups, std::size_t series) {
    static constexpr std::pair<std::string_view, core::Micros Spread::*> kMarks[] = {{"min", &Spread::min_us},
                                                                                     {"p50", &Spread::p50_us},
                                                                                     {"p95", &Spread::p95_us},
                                                                                     {"p99", &Spread::p99_us},
                                                                                     {"max", &Spread::max_us}};
    std::string out;
    for (const auto& [name, mark] : kMarks) {
        if (!out.empty()) out += ",\n";
        out += column(name, rollups, [&, member = mark](const Rollup& r) {
            return r.series[series] ? std::to_string((*r.series[series]).*member) : std::string("null");
        });
    }
    return "{" + out + "}";
}

}  // namespace

std::string history_json(const std::string& link, const core::IpAddress& ip, probe::Resolution resolution,
                         const std::vector<Rollup>& rollups) {
    const bool minutes = resolution == probe::Resolution::kMinute;
    std::string out = fmt::format(
        "{{\"schema_version\":1,\"link\":{},\"ip\":\"{}\",\"resolution\":\"{}\",\"period_s\":{},\n",
        core::json_quote(link), ip.text(), minutes ? "minute" : "hour", probe::period_of(resolution) / core::kSecond);
    out += column("start", rollups, [](const Rollup& r) { return std::to_string(r.start_wall_us / core::kSecond); }) +
           ",\n";
    out += column("attempts", rollups, [](const Rollup& r) { return std::to_string(r.attempts); }) + ",\n";
    out += column("failures", rollups, [](const Rollup& r) { return std::to_string(r.failures); }) + ",\n";
    out += "\"reasons\":" + reasons_json(rollups);
    for (std::size_t i = 0; i < probe::kSeries; ++i) {
        const auto name = i == probe::kTotal ? "total" : to_string(static_cast<probe::Phase>(i));
        out += fmt::format(",\n\"{}_us\":{}", name, spreads_json(rollups, i));
    }
    return out + "}\n";
}

}  // namespace postern::agent
