// What GET / shows before its script has taken over, or where there is none: the verdict and every address as plain HTML.
#include <fmt/format.h>

#include <algorithm>

#include "agent/http_routes.h"
#include "agent/page_reply.h"
#include "agent/terminal.h"

namespace postern::agent {

namespace {

using probe::State;

constexpr std::size_t kMostBytes = 9000;  // of it all: the page has 100 KB, and the packed part may have 90

std::string escape(std::string_view text) {
    std::string out;
    for (const char c : printable(text)) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string state_cell(State state) {
    const char* shape = state == State::kUp         ? "●"
                        : state == State::kDown     ? "✕"
                        : state == State::kDegraded ? "▲"
                                                    : "○";
    return fmt::format("<span class=\"state {0}\">{1} {0}</span>", probe::to_string(state), shape);
}

std::string address_row(const LinkStatus& link, const AddressStatus& a) {
    std::string last = "–";
    if (!link.probing) {
        last = "not probed";
    } else if (a.last) {
        last = a.last->ok || a.last->reason == probe::Reason::kTokenMissing
                   ? fmt::format("{:.1f} ms", static_cast<double>(a.last->total_us) / 1000)
                   : escape(probe::to_string(a.last->reason));
    }
    return fmt::format(
        "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td><td "
        "class=\"n\">{}</td><td>{}</td></tr>\n",
        a.ip.text(), escape(a.zone), state_cell(a.verdict.path), state_cell(a.verdict.service), last,
        a.answered ? "in the answer" : "withdrawn");
}

/// Rows until `room` is used up, those in trouble first; `left` is how many did not fit.
std::string rows_of(const LinkStatus& link, std::size_t room, std::size_t& left) {
    std::vector<const AddressStatus*> order;
    for (const auto& a : link.addresses)
        order.push_back(&a);
    std::stable_partition(order.begin(), order.end(), [](const AddressStatus* a) { return a->verdict.path != State::kUp; });
    std::string out;
    for (std::size_t i = 0; i < order.size(); ++i) {
        const std::string row = address_row(link, *order[i]);
        if (out.size() + row.size() > room) {
            left = order.size() - i;
            break;
        }
        out += row;
    }
    return out;
}

std::string link_section(const LinkStatus& link, std::size_t room) {
    std::string out = fmt::format("<h2>{} <span class=\"note\">{}</span> {}</h2>\n", escape(link.name),
                                  escape(link.host), state_cell(link.state));
    if (!link.cause.empty()) out += fmt::format("<p>{}</p>\n", escape(link.cause));
    if (!link.fix.empty()) out += fmt::format("<p>Next step: {}</p>\n", escape(link.fix));
    if (link.compare) {
        out += fmt::format("<p>Compared with <code>{}</code>: {}</p>\n", escape(link.compare->gateway()),
                           escape(link.compare->text));
    }
    if (link.addresses.empty() || out.size() >= room) return out;
    out +=
        "<div class=\"wide\"><table><thead><tr><th scope=\"col\">Address</th><th scope=\"col\">Zone</th><th "
        "scope=\"col\">Path</th>"
        "<th scope=\"col\">Service</th><th scope=\"col\">Last probe</th><th "
        "scope=\"col\">DNS</th></tr></thead><tbody>\n";
    std::size_t left = 0;
    out += rows_of(link, room - std::min(room, out.size()), left) + "</tbody></table></div>\n";
    if (left > 0) out += fmt::format("<p class=\"note\">{} more: postern status</p>\n", left);
    return out;
}

std::string dns_section(const ResolverStatus& r) {
    std::string listen;
    for (const auto& address : r.listen)
        listen += (listen.empty() ? "" : ", ") + address.text();
    std::string out = fmt::format("<h2>DNS</h2>\n<p>{} on <code>{}</code>, plan {}</p>\n",
                                  r.running ? "The resolver answers" : "No resolver", escape(listen),
                                  r.accepted ? "accepted" : "not accepted");
    if (!r.problem.empty()) out += fmt::format("<p>{}</p>\n", escape(r.problem));
    return out;
}

}  // namespace

std::string status_content(const StatusSnapshot& s) {
    const auto word = to_string(s.overall);
    std::string end = dns_section(s.resolver);
    for (const auto& warning : s.warnings)
        end += fmt::format("<p>Warning: {}</p>\n", escape(warning));
    if (end.size() > kMostBytes / 3) end = "<p>There are warnings: postern status</p>\n";
    end += fmt::format(
        "<p class=\"note\">postern {}, as of {}. Data: <a href=\"api/v1/status\">status</a>, "
        "<a href=\"api/v1/probes\">probes</a>, <a href=\"health\">health</a>, <a href=\"metrics\">metrics</a></p>\n",
        escape(s.version), core::format_utc(s.now_wall_us));
    std::string body = fmt::format("<h1>postern</h1>\n<div class=\"banner {0}\"><strong>{0}</strong> {1}</div>\n", word,
                                   escape(s.headline));
    std::size_t left = 0;
    for (const auto& link : s.links) {
        const std::size_t used = body.size() + end.size();
        const std::string section = link_section(link, used < kMostBytes ? kMostBytes - used : 0);
        if (used + section.size() > kMostBytes + 200) {
            ++left;
        } else {
            body += section;
        }
    }
    if (left > 0) body += fmt::format("<p class=\"note\">{} more links: postern status</p>\n", left);
    return body + end;
}

HttpReply status_page(const StatusSnapshot& snapshot, const HttpQuery& query) {
    return page_reply(query, status_content(snapshot));
}

}  // namespace postern::agent
