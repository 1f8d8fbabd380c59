// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/connections_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "agent/status/spoken.h"
#include "agent/text/terminal.h"
#include "agent/text/values.h"
#include "core/printable.h"
#include "core/text.h"

namespace postern::agent {

using Json = nlohmann::ordered_json;

namespace {

Json time_or_null(Micros wall_us) {
    return wall_us > 0 ? Json(core::format_utc(wall_us)) : Json(nullptr);
}

Json counts_json(const ConnectionCounts& c) {
    Json states = Json::object();
    for (std::size_t i = 0; i < kTcpStates; ++i)
        states[std::string(to_string(static_cast<TcpState>(i)))] = c.states[i];
    return {{"total", c.total()},
            {"states", std::move(states)},
            {"stuck", c.stuck},
            {"stuck_for_us", c.stuck > 0 ? Json(c.stuck_for_us) : Json(nullptr)},
            {"idle", c.idle},
            {"timing_out", c.timing_out},
            {"timeouts_max", c.timeouts_max},
            {"without_keepalive", c.without_keepalive},
            {"unacked_bytes", c.unacked_bytes},
            {"last_ack_us", c.last_ack_us > 0 ? Json(c.last_ack_us) : Json(nullptr)},
            {"rtt_max_us", c.rtt_max_us > 0 ? Json(c.rtt_max_us) : Json(nullptr)}};
}

using Row = std::array<std::string, 8>;
constexpr std::array<const char*, 8> kTitles{"ADDRESS", "DNS",       "UID",     "CONNECTIONS",
                                             "STUCK",   "RTT UP TO", "UNACKED", "NO KEEP-ALIVE"};
constexpr std::size_t kFirstNumber = 3;

Row row_of(const doctor::Catalogue& words, const core::IpAddress& ip, const char* dns, const std::string& uid,
           const ConnectionCounts& c) {
    return {ip.text(),
            words.of(dns),
            words.of(uid.c_str()),
            std::to_string(c.total()),
            c.stuck > 0 ? words.of(core::message("{} for {}", c.stuck, rough_duration(c.stuck_for_us))) : "0",
            c.rtt_max_us > 0 ? core::milliseconds(c.rtt_max_us) : "-",
            fmt::format("{} B", c.unacked_bytes),
            std::to_string(c.without_keepalive)};
}

/// A row for each user; one with "-" where no application has a connection.
void add_rows(const doctor::Catalogue& words, std::vector<Row>& rows, const TargetConnections& seen, const char* dns) {
    for (const auto& user : seen.users)
        rows.push_back(row_of(words, seen.target.address.ip, dns, std::to_string(user.uid), user.counts));
    if (seen.users.empty()) rows.push_back(row_of(words, seen.target.address.ip, dns, "-", {}));
    if (seen.more_users > 0) rows.push_back(row_of(words, seen.target.address.ip, dns, "all", seen.all));
}

std::string table(const doctor::Catalogue& words, const std::vector<Row>& rows, const Paint& paint) {
    Row titles;
    for (std::size_t i = 0; i < titles.size(); ++i)
        titles[i] = words.of(kTitles[i]);
    std::array<std::size_t, kTitles.size()> width{};
    for (std::size_t i = 0; i < width.size(); ++i) {
        width[i] = display_width(titles[i]);
        for (const auto& row : rows)
            width[i] = std::max(width[i], display_width(row[i]));
    }
    const auto line = [&width](const Row& row) {
        std::string out;
        for (std::size_t i = 0; i < row.size(); ++i)
            out += "  " + (i < kFirstNumber ? pad(row[i], width[i]) : pad_left(row[i], width[i]));
        return out;
    };
    std::string out = paint.dim(line(titles)) + "\n";
    for (const auto& row : rows)
        out += (row[4] == "0" ? line(row) : paint.yellow(line(row))) + "\n";
    return out;
}

}  // namespace

Json connections_json(const TargetConnections& seen) {
    Json users = Json::array();
    for (const auto& user : seen.users) {
        Json one = {{"uid", user.uid}};
        one.update(counts_json(user.counts));
        users.push_back(std::move(one));
    }
    Json out = counts_json(seen.all);
    out["users"] = std::move(users);
    out["more_users"] = seen.more_users;
    return out;
}

Json link_connections_json(const LinkConnections& all) {
    const auto& chinese = doctor::Catalogue::in(doctor::Language::kChinese);
    Json bypass = Json::array(), notes = Json::array();
    for (const auto& seen : all.bypass) {
        Json one = {{"ip", seen.target.address.ip.text()}};
        one.update(connections_json(seen));
        bypass.push_back(std::move(one));
    }
    for (const auto& note : all.notes) {
        notes.push_back({{"kind", to_string(note.kind)},
                         {"ip", note.ip.text()},
                         {"uid", note.uid ? Json(*note.uid) : Json(nullptr)},
                         {"total", note.total},
                         {"stuck", note.stuck},
                         {"stuck_for_us", note.stuck > 0 ? Json(note.stuck_for_us) : Json(nullptr)},
                         {"at_least", note.at_least},
                         {"text", note.text()},
                         {"texts", {{"zh", {{"text", note_text(note, chinese)}}}}}});
    }
    return {{"bypass", std::move(bypass)}, {"notes", std::move(notes)}};
}

Json looks_json(const AppConnections& c) {
    return {{"known", c.known()},
            {"scope", "network_namespace"},
            {"looked", time_or_null(c.looked_wall_us)},
            {"complete", c.complete},
            {"looks_total", c.looks},
            {"took_us", c.looks > 0 ? Json(c.took_us) : Json(nullptr)},
            {"error", c.error ? Json{{"code", core::to_string(c.error->code)},
                                     {"what", c.error->what},
                                     {"hint", c.error->hint},
                                     {"since", time_or_null(c.looked_wall_us)}}
                              : Json(nullptr)}};
}

std::string connections_json(const StatusSnapshot& s) {
    Json links = Json::array();
    for (const auto& link : s.links) {
        Json addresses = Json::array();
        for (const auto& a : link.addresses) {
            addresses.push_back({{"ip", a.ip.text()},
                                 {"zone", a.zone.empty() ? Json(nullptr) : Json(a.zone)},
                                 {"answered", a.answered},
                                 {"connections", a.connections ? connections_json(*a.connections) : Json(nullptr)}});
        }
        Json one = {{"name", link.name}, {"host", link.host}, {"addresses", std::move(addresses)}};
        one.update(link.connections ? link_connections_json(*link.connections)
                                    : Json{{"bypass", nullptr}, {"notes", nullptr}});
        links.push_back(std::move(one));
    }
    Json out = {{"schema_version", 1}, {"ts", core::format_utc(s.now_wall_us)}};
    out.update(looks_json(s.connections));
    out["links"] = std::move(links);
    return core::printable_json(out.dump(2, ' ', false, Json::error_handler_t::replace)) + "\n";
}

std::string connections_text(const StatusSnapshot& s, bool colour, doctor::Language language) {
    const Paint paint(colour);
    const auto& words = doctor::Catalogue::in(language);
    if (s.connections.error)
        return printable(words.of(core::message("not known: {}", s.connections.error->whole()))) + "\n";
    if (!s.connections.known()) return words.of("not known yet: the first look is under way") + "\n";
    std::string out;
    for (const auto& link : s.links) {
        if (!link.connections) continue;
        std::vector<Row> rows;
        for (const auto& a : link.addresses) {
            const char* place = a.answered ? "in answer" : link.answer.empty() ? "-" : "withdrawn";  // "-": not known
            if (a.connections) add_rows(words, rows, *a.connections, place);
        }
        for (const auto& seen : link.connections->bypass)
            add_rows(words, rows, seen, "public");
        out += fmt::format("{}  {}\n", paint.bold(printable(link.name)), printable(link.host));
        out += rows.empty() ? "  " + words.of("no address is known") + "\n" : table(words, rows, paint);
        for (const auto& note : link.connections->notes)
            out += "  " + paint.yellow(note_text(note, words)) + "\n";
        out += "\n";
    }
    if (!s.connections.complete)
        out += words.of("There are more: the look was cut short, the numbers are the least.") + "\n";
    return out +
           words.of(core::message("Seen {} ago, in this network namespace; containers and pods with their own are not.",
                                  rough_duration(s.now_wall_us - s.connections.looked_wall_us))) +
           "\n";
}

}  // namespace postern::agent
