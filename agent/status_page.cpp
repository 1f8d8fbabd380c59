// GET /: the status as a plain page, rendered here. No script, nothing from elsewhere; the one style element
// is allowed by its hash.
#include <openssl/evp.h>

#include <fmt/format.h>

#include "agent/http_routes.h"

namespace postern::agent {

namespace {

using probe::State;

constexpr std::string_view kStyle =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 "
    "auto;padding:1rem;color:#1b1f24;background:#fff}"
    "h1{font-size:1.1rem;margin:0 0 1rem}h2{font-size:1rem;margin:1.5rem 0 .3rem}"
    ".banner{padding:.8rem 1rem;border-left:.4rem solid;margin:0 0 1rem}"
    ".good{border-color:#1a7f37}.degraded{border-color:#9a6700}.failed{border-color:#cf222e}.unknown{border-"
    "color:#6e7781}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25rem .6rem .25rem "
    "0;border-bottom:1px solid #d0d7de}"
    "td.n{font-variant-numeric:tabular-nums}code{font:14px ui-monospace,monospace}.note{color:#57606a}"
    ".up{color:#1a7f37}.down{color:#cf222e;font-weight:600}.deg{color:#9a6700}"
    "@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}th,td{border-color:#30363d}."
    "note{color:#8b949e}"
    ".up{color:#3fb950}.down{color:#f85149}.deg{color:#d29922}}";

std::string escape(std::string_view text) {
    std::string out;
    for (const char c : text) {
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

/// 'sha256-…' as a Content-Security-Policy wants it.
std::string style_hash() {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_Digest(kStyle.data(), kStyle.size(), digest, &size, EVP_sha256(), nullptr);
    unsigned char text[64];
    const int length = EVP_EncodeBlock(text, digest, static_cast<int>(size));
    return "'sha256-" + std::string(reinterpret_cast<char*>(text), static_cast<std::size_t>(length)) + "'";
}

std::string state_cell(State state) {
    const char* shape = state == State::kUp         ? "●"
                        : state == State::kDown     ? "✕"
                        : state == State::kDegraded ? "▲"
                                                    : "○";
    const char* look = state == State::kUp         ? "up"
                       : state == State::kDown     ? "down"
                       : state == State::kDegraded ? "deg"
                                                   : "note";
    return fmt::format("<span class=\"{}\">{} {}</span>", look, shape, probe::to_string(state));
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

std::string link_section(const LinkStatus& link) {
    std::string out = fmt::format("<h2>{} <span class=\"note\">{}</span> {}</h2>\n", escape(link.name),
                                  escape(link.host), state_cell(link.state));
    if (!link.cause.empty()) out += fmt::format("<p>{}</p>\n", escape(link.cause));
    if (!link.fix.empty()) out += fmt::format("<p>Next step: {}</p>\n", escape(link.fix));
    if (link.compare) {
        out += fmt::format("<p>Compared with <code>{}</code>: {}</p>\n", escape(link.compare->gateway()),
                           escape(link.compare->text));
    }
    out +=
        "<table><thead><tr><th scope=\"col\">Address</th><th scope=\"col\">Zone</th><th "
        "scope=\"col\">Path</th>"
        "<th scope=\"col\">Service</th><th scope=\"col\">Last probe</th><th "
        "scope=\"col\">DNS</th></tr></thead><tbody>\n";
    for (const auto& a : link.addresses)
        out += address_row(link, a);
    return out + "</tbody></table>\n";
}

}  // namespace

HttpReply status_page(const StatusSnapshot& s) {
    const auto word = to_string(s.overall);
    std::string body = fmt::format(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0} - postern</title>\n"
        "<meta name=\"viewport\" content=\"width=device-width\"><meta http-equiv=\"refresh\" "
        "content=\"10\">\n"
        "<style>{1}</style></head><body>\n<h1>postern</h1>\n"
        "<div class=\"banner {0}\" role=\"status\"><strong>{0}</strong> {2}</div>\n",
        word, kStyle, escape(s.headline));
    for (const auto& link : s.links)
        body += link_section(link);
    const auto& r = s.resolver;
    std::string listen;
    for (const auto& address : r.listen)
        listen += (listen.empty() ? "" : ", ") + address.text();
    body += fmt::format("<h2>DNS</h2>\n<p>{} on <code>{}</code>, plan {}</p>\n",
                        r.running ? "The resolver answers" : "No resolver", escape(listen),
                        r.accepted ? "accepted" : "not accepted");
    if (!r.problem.empty()) body += fmt::format("<p>{}</p>\n", escape(r.problem));
    for (const auto& warning : s.warnings)
        body += fmt::format("<p>Warning: {}</p>\n", escape(warning));
    body += fmt::format(
        "<p class=\"note\">postern {}, as of {}; the page reloads by itself. Data: <a "
        "href=\"api/v1/status\">status</a>, "
        "<a href=\"api/v1/probes\">probes</a>, <a href=\"health\">health</a>, <a "
        "href=\"metrics\">metrics</a></p>\n"
        "</body></html>\n",
        escape(s.version), core::format_utc(s.now_wall_us));
    HttpReply reply{200, "text/html; charset=utf-8", std::move(body), {}};
    reply.headers.emplace_back("Content-Security-Policy",
                               "default-src 'none'; style-src " + style_hash() +
                                   "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    return reply;
}

}  // namespace postern::agent
