// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/discovery_log.h"

#include <vector>

#include "agent/cloud/aliyun_reply.h"
#include "core/log.h"

namespace postern::agent {
namespace {

constexpr core::Micros kRepeat = core::kHour;

/// Without the request's ID, which differs every time.
std::string without_request(const core::Message& m) {
    if (m.form() == kWithRequestId) return without_request(m.values().front());
    if (m.values().empty()) return m;
    std::vector<std::string> values;
    for (const core::Message& value : m.values())
        values.push_back(without_request(value));
    return core::filled(m.form(), values);
}

}  // namespace

std::string distinct_error(const core::Error& error) {
    const std::string what = without_request(error.what);
    std::string out(to_string(error.code));
    out += ' ';
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    for (std::size_t i = 0; i < what.size(); ++i) {
        const char c = what[i];
        const bool digit = is_digit(c);
        const bool within = c == '.' && out.back() == '#' && i + 1 < what.size() && is_digit(what[i + 1]);  // "2.3"
        if (!digit && !within) out += c;
        if (digit && out.back() != '#') out += '#';
    }
    return out;
}

void DiscoveryLog::failed(const std::string& source, const core::Error& error) {
    const std::string key = distinct_error(error);
    leave(source, key);
    Series& series = series_[key];
    const core::Micros now = clock_.mono_us();
    const bool first = series.sources.empty();
    series.sources.insert(source);
    if (first) series.began_mono_us = now;
    if (!first && now - series.logged_mono_us < kRepeat) return;
    series.logged_mono_us = now;
    series.what = error.what;
    core::Fields fields{{"code", std::string(to_string(error.code))}, {"source", source}};
    if (series.sources.size() > 1) fields.push_back({"sources", std::to_string(series.sources.size())});
    core::log_warning("discovery_failed", error.text() + "; the last known addresses stay in use", fields);
}

void DiscoveryLog::succeeded(const std::string& source) {
    for (auto it = series_.begin(); it != series_.end();) {
        Series& series = it->second;
        if (series.sources.erase(source) != 0 && series.sources.empty()) {
            const core::Micros lasted = clock_.mono_us() - series.began_mono_us;
            core::log_info("discovery_recovered", "over: " + series.what,
                           {{"source", source}, {"lasted_s", std::to_string(lasted / core::kSecond)}});
        }
        it = series.sources.empty() ? series_.erase(it) : std::next(it);
    }
}

void DiscoveryLog::forget(const std::string& source) {
    leave(source, {});
}

/// Another error, or the source is no longer asked: not a recovery.
void DiscoveryLog::leave(const std::string& source, const std::string& except) {
    for (auto it = series_.begin(); it != series_.end();) {
        const bool other = it->first != except;
        if (other) it->second.sources.erase(source);
        it = other && it->second.sources.empty() ? series_.erase(it) : std::next(it);
    }
}

}  // namespace postern::agent
