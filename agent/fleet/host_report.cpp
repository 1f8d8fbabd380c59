// SPDX-License-Identifier: Apache-2.0
#include "agent/fleet/host_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "agent/text/json_view.h"
#include "core/log.h"
#include "core/text.h"
#include "probe/verdict.h"

namespace postern::agent {
namespace {

using core::json_quote;
using probe::State;

constexpr std::size_t kMaxWho = 64, kMaxWord = 40, kMaxHost = 253, kMaxLinks = 64, kMaxAddresses = 128;
constexpr std::size_t kMaxKept = 64;  // addresses: more don't fit, whatever their names
constexpr std::string_view kEnd = ".json";

bool is_plain(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}
bool is_word(std::string_view text, std::size_t most) {
    return text.size() <= most && std::all_of(text.begin(), text.end(), is_plain);
}
/// Names are written with what a reader takes, whatever this host is called.
std::string word(std::string_view text, std::size_t most) {
    std::string out(text.substr(0, most));
    std::replace_if(
        out.begin(), out.end(), [](char c) { return !is_plain(c); }, '_');
    return out;
}

bool is_code(std::string_view text) {
    return text.empty() || (text.starts_with("PN-") && is_word(text, kMaxWord));
}
bool is_overall(std::string_view text) {
    return text == "good" || text == "degraded" || text == "failed" || text == "unknown";
}

void add_word(std::string& to, const char* name, std::string_view value, std::size_t most = kMaxWord) {
    if (!value.empty()) to += fmt::format(",\"{}\":\"{}\"", name, word(value, most));
}

std::string address_text(const ReportedAddress& a) {
    std::string out = fmt::format("{{\"ip\":\"{}\"", a.ip.text());
    add_word(out, "zone", a.zone);
    add_word(out, "state", probe::to_string(a.state));
    if (a.since_wall_us > 0) out += fmt::format(",\"since\":\"{}\"", core::format_time(a.since_wall_us));
    add_word(out, "code", a.code);
    return out + "}";
}

/// Which addresses are written: of all links, the worst first.
struct Kept {
    std::size_t link = 0, address = 0;
};

std::vector<Kept> worst_first(const HostReport& r) {
    std::vector<Kept> out;
    for (std::size_t i = 0; i < r.links.size(); ++i) {
        for (std::size_t j = 0; j < r.links[i].addresses.size(); ++j)
            out.push_back({i, j});
    }
    std::stable_sort(out.begin(), out.end(), [&r](const Kept& a, const Kept& b) {
        return probe::rank(r.links[a.link].addresses[a.address].state) <
               probe::rank(r.links[b.link].addresses[b.address].state);
    });
    return out;
}

/// The first `count` addresses of `order`, and the links that have one; the others are counted.
HostReport shortened(const HostReport& r, const std::vector<Kept>& order, std::size_t count) {
    std::vector<std::vector<ReportedAddress>> kept(r.links.size());
    for (std::size_t i = 0; i < count; ++i)
        kept[order[i].link].push_back(r.links[order[i].link].addresses[order[i].address]);
    HostReport out = r;
    out.links.clear();
    for (std::size_t i = 0; i < r.links.size(); ++i) {
        if (kept[i].empty()) {
            ++out.more_links;
            continue;
        }
        const ReportedLink& link = r.links[i];
        const std::size_t left = link.addresses.size() - kept[i].size();
        out.links.push_back({link.name, link.host, link.state, std::move(kept[i]), link.more + left});
    }
    return out;
}

std::string written(const HostReport& r) {
    std::string out = fmt::format("{{\"postern_report\":{},\"fleet\":\"{}\"", kReportVersion, word(r.fleet, kMaxWho));
    add_word(out, "host", r.host, kMaxWho);
    add_word(out, "instance", r.instance, kMaxWho);
    add_word(out, "zone", r.zone);
    add_word(out, "version", r.version);
    out += fmt::format(",\"written_at\":\"{}\",\"interval_s\":{}", core::format_time(r.written_wall_us),
                       r.interval_us / core::kSecond);
    add_word(out, "overall", r.overall);
    add_word(out, "takeover", r.takeover);
    add_word(out, "asks", r.asks);
    if (r.list_generation != 0)
        out += fmt::format(",\"list\":{{\"generation\":{},\"age_s\":{}}}", r.list_generation,
                           std::max<Micros>(0, r.list_age_us) / core::kSecond);
    add_word(out, "worst", r.worst);
    out += ",\"links\":[";
    for (const ReportedLink& link : r.links) {
        out += fmt::format("{}{{\"name\":\"{}\",\"host\":\"{}\",\"state\":\"{}\",\"addresses\":[{}]",
                           &link == &r.links.front() ? "" : ",", word(link.name, kMaxWho), word(link.host, kMaxHost),
                           probe::to_string(link.state), core::joined(link.addresses, address_text, ","));
        if (link.more > 0) out += fmt::format(",\"more\":{}", link.more);
        out += "}";
    }
    out += "]";
    if (r.more_links > 0) out += fmt::format(",\"more_links\":{}", r.more_links);
    return out + "}\n";
}

tl::unexpected<ReportProblem> refused(ReportProblem problem) {
    return tl::unexpected<ReportProblem>(problem);
}

/// A member that is a word, or absent.
bool take(const JsonView& from, const char* name, std::size_t most, std::string& out) {
    out = from.at(name).text();
    return is_word(out, most);
}

bool take_count(const JsonView& from, std::size_t& out) {
    if (from.is_null()) return true;
    const auto value = from.integer();
    if (!value || *value < 0 || *value > 100000) return false;
    out = static_cast<std::size_t>(*value);
    return true;
}

bool take_state(const JsonView& from, State& out) {
    const auto state = probe::parse_state(from.text());
    if (state) out = *state;
    return state.has_value();
}

bool take_address(const JsonView& from, ReportedAddress& out) {
    const auto ip = core::IpAddress::parse(from.at("ip").text());
    if (!ip || !take_state(from.at("state"), out.state)) return false;
    out.ip = *ip;
    if (const auto since = from.at("since"); !since.is_null()) {
        out.since_wall_us = core::parse_utc(since.text());
        if (out.since_wall_us < 0) return false;
    }
    return take(from, "zone", kMaxWord, out.zone) && take(from, "code", kMaxWord, out.code) && is_code(out.code);
}

bool take_link(const JsonView& from, ReportedLink& out) {
    if (!take(from, "name", kMaxWho, out.name) || !take(from, "host", kMaxHost, out.host) || out.host.empty() ||
        !take_state(from.at("state"), out.state) || !take_count(from.at("more"), out.more))
        return false;
    for (const auto& item : from.at("addresses").items()) {
        ReportedAddress address;
        if (out.addresses.size() == kMaxAddresses || !take_address(item, address)) return false;
        out.addresses.push_back(std::move(address));
    }
    return true;
}

bool take_report(const JsonView& root, HostReport& out) {
    const bool words = take(root, "fleet", kMaxWho, out.fleet) && take(root, "host", kMaxWho, out.host) &&
                       take(root, "instance", kMaxWho, out.instance) && take(root, "zone", kMaxWord, out.zone) &&
                       take(root, "version", kMaxWord, out.version) && take(root, "overall", kMaxWord, out.overall) &&
                       take(root, "takeover", kMaxWord, out.takeover) && take(root, "asks", kMaxWord, out.asks) &&
                       take(root, "worst", kMaxWord, out.worst);
    if (!words || !is_code(out.worst) || !is_overall(out.overall) || report_name(out).empty()) return false;
    out.written_wall_us = core::parse_utc(root.at("written_at").text());
    const auto interval_s = root.at("interval_s").integer();
    if (out.written_wall_us < 0 || !interval_s || *interval_s < kLeastReportInterval / core::kSecond ||
        *interval_s > kMostReportInterval / core::kSecond)
        return false;
    out.interval_us = *interval_s * core::kSecond;
    if (const auto list = root.at("list"); !list.is_null()) {
        const auto generation = list.at("generation").integer(), age_s = list.at("age_s").integer();
        if (!generation || *generation < 1 || !age_s || *age_s < 0 || *age_s > (core::kDay / core::kSecond) * 10000)
            return false;
        out.list_generation = static_cast<std::uint64_t>(*generation);
        out.list_age_us = *age_s * core::kSecond;
    }
    for (const auto& item : root.at("links").items()) {
        ReportedLink link;
        if (out.links.size() == kMaxLinks || !take_link(item, link)) return false;
        out.links.push_back(std::move(link));
    }
    return take_count(root.at("more_links"), out.more_links);
}

}  // namespace

std::string format_report(const HostReport& report) {
    if (report.links.size() <= kMaxLinks) {
        std::string whole = written(report);
        if (whole.size() <= kMaxReportBytes) return whole;
    }
    const auto order = worst_first(report);
    // The most that fits: between `fits` and `many`.
    std::size_t fits = 0, many = std::min(order.size(), kMaxKept) + 1;
    while (many - fits > 1) {
        const std::size_t middle = fits + (many - fits) / 2;
        (written(shortened(report, order, middle)).size() <= kMaxReportBytes ? fits : many) = middle;
    }
    return written(shortened(report, order, fits));
}

std::string report_name(const HostReport& report) {
    const std::string host = word(report.host, kMaxWho), instance = word(report.instance, kMaxWho);
    if (host.empty() && instance.empty()) return "";
    std::string out = host + (host.empty() || instance.empty() ? "" : "_") + instance;
    if (out.front() == '.') out.front() = '_';  // a name, whatever a folder makes of "."
    return out + std::string(kEnd);
}

std::string_view to_string(ReportProblem problem) {
    switch (problem) {
        case ReportProblem::kForm:
            return "form";
        case ReportProblem::kNewer:
            return "newer";
        case ReportProblem::kContent:
            return "content";
        case ReportProblem::kFleet:
            return "fleet";
        case ReportProblem::kFuture:
            return "future";
        case ReportProblem::kPlace:
            return "place";
        case ReportProblem::kLarge:
            return "large";
    }
    return "form";
}

tl::expected<HostReport, ReportProblem> read_report(std::string_view bytes, const std::string& name,
                                                    const std::string& fleet, Micros now_wall_us) {
    if (bytes.size() > kMaxReportBytes) return refused(ReportProblem::kLarge);
    const auto root = JsonView::parse(bytes, kMaxReportBytes, 8);
    if (!root || !root->is_object()) return refused(ReportProblem::kForm);
    const auto version = root->at("postern_report").integer();
    if (!version || *version < 1) return refused(ReportProblem::kForm);
    if (*version > kReportVersion) return refused(ReportProblem::kNewer);
    HostReport out;
    if (!take_report(*root, out)) return refused(ReportProblem::kContent);
    if (out.fleet != fleet) return refused(ReportProblem::kFleet);
    if (name != report_name(out)) return refused(ReportProblem::kPlace);
    if (out.written_wall_us > now_wall_us + kReportTolerance) return refused(ReportProblem::kFuture);
    return out;
}

}  // namespace postern::agent
