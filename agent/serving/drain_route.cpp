// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/drain_route.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/faults/catalogue.h"
#include "agent/serving/http_routes.h"
#include "agent/status/status.h"
#include "agent/text/message_json.h"
#include "agent/text/terminal.h"
#include "agent/text/values.h"
#include "core/log.h"

namespace postern::agent {
namespace {

using core::json_quote;

/// Calls `each` with the addresses that a drain covers, and their links.
template <class Each>
void for_covered(const StatusSnapshot& s, const DrainStatus& drain, Each each) {
    for (const auto& link : s.links) {
        for (const auto& a : link.addresses) {
            if (a.zone == drain.target || a.ip.text() == drain.target) each(link, a);
        }
    }
}

std::string drains_json(const StatusSnapshot& s) {
    std::string drains;
    for (const auto& d : s.drains) {
        std::string addresses;
        for_covered(s, d, [&](const LinkStatus& link, const AddressStatus& a) {
            addresses += fmt::format("{}\n  {{\"link\":{},\"ip\":{},\"zone\":{},\"state\":{},\"answered\":{}}}",
                                     addresses.empty() ? "" : ",", json_quote(link.name), json_quote(a.ip.text()),
                                     a.zone.empty() ? "null" : json_quote(a.zone),
                                     json_quote(probe::to_string(judged_state(link, a))), a.answered);
        });
        drains +=
            fmt::format("{}\n {{\"target\":{},\"began\":{},\"until\":{},\"reason\":{},\"free\":{},\"addresses\":[{}]}}",
                        drains.empty() ? "" : ",", json_quote(d.target), json_quote(core::format_utc(d.began_wall_us)),
                        json_quote(core::format_utc(d.until_wall_us)), d.reason.empty() ? "null" : json_quote(d.reason),
                        d.free, addresses);
    }
    return fmt::format("{{\"schema_version\":1,\"ts\":{},\"drains\":[{}]}}\n",
                       json_quote(core::format_utc(s.now_wall_us)), drains);
}

std::string drains_text(const StatusSnapshot& s, doctor::Language language) {
    const auto& words = doctor::Catalogue::in(language);
    if (s.drains.empty()) return words.of("nothing is drained") + "\n";
    std::size_t ip = 0, link = 0;
    for (const auto& d : s.drains) {
        for_covered(s, d, [&](const LinkStatus& l, const AddressStatus& a) {
            ip = std::max(ip, a.ip.text().size());
            link = std::max(link, l.name.size());
        });
    }
    std::string out;
    for (const auto& d : s.drains) {
        out += drain_text(d, s.now_wall_us, language) + "\n";
        for_covered(s, d, [&](const LinkStatus& l, const AddressStatus& a) {
            out += fmt::format(
                "  {}  {}  {}  {}\n", pad(a.ip.text(), ip), pad(l.name, link),
                pad(probe::to_string(judged_state(l, a)), 8),
                words.of(a.answered ? "answered all the same: no other address works" : "out of the answer"));
        });
    }
    return out;
}

HttpReply answer_drains(const HttpQuery& query, const StatusSnapshot& s) {
    return query.argument("view") == "text" ? HttpReply::text(200, drains_text(s, language_of(query)))
                                            : HttpReply::json(200, drains_json(s));
}

HttpReply refusal(int status, const core::Error& error) {
    return HttpReply::json(
        status, fmt::format("{{\"schema_version\":1,\"error\":{{\"code\":{},\"what\":{},\"hint\":{},"
                            "\"messages\":{{\"what\":{},\"hint\":{}}}}}}}\n",
                            json_quote(core::to_string(error.code)), json_quote(error.what), json_quote(error.hint),
                            message_json(error.what), message_json(error.hint)));
}

HttpReply bad(core::Message what) {
    return refusal(400, {core::Code::kUsage, std::move(what), "postern drain --help", 0});
}

/// Does `change`, if the client may ask for it.
template <class Change>
HttpReply changed(const HttpQuery& query, ServedAgent& agent, Change change) {
    if (!query.from_this_host)
        return refusal(403, {core::Code::kPermission, "only a program of this host may change what is drained",
                             "log in there: postern drain", 0});
    const core::Result<void> done = change();
    if (!done) return refusal(done.error().code == core::Code::kUsage ? 400 : 409, done.error());
    return answer_drains(query, agent.snapshot());
}

HttpReply drain(const HttpQuery& query, ServedAgent& agent) {
    const auto target = query.argument("target"), length = query.argument("for");
    if (!target || target->empty()) return bad("target is missing: a zone or an address");
    const auto for_us = parse_duration(length.value_or(""));
    if (!for_us) return bad(core::message("for={} is not a duration, such as 1h", shown(length.value_or(""))));
    const bool free = query.argument("free") == "1";
    return changed(query, agent,
                   [&] { return agent.drain(*target, *for_us, query.argument("reason").value_or(""), free); });
}

}  // namespace

std::vector<HttpRoute> drain_routes(ServedAgent& a) {
    return {
        {"/api/v1/drains", false, "GET", [&a](const HttpQuery& q) { return answer_drains(q, a.snapshot()); }},
        {"/api/v1/drain", false, "POST", [&a](const HttpQuery& q) { return drain(q, a); }},
        {"/api/v1/undrain", false, "POST",
         [&a](const HttpQuery& q) {
             return changed(q, a, [&] { return a.undrain(q.argument("target").value_or("")); });
         }},
    };
}

}  // namespace postern::agent
