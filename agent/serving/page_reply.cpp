// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/page_reply.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include "agent/serving/page_asset.h"
#include "agent/serving/status_page.h"
#include "agent/text/deflate.h"
#include "core/text.h"

namespace postern::agent {

namespace {

constexpr int kLevel = 6;  // 25 KB in under a millisecond

/// A strong tag, one for each coding.
std::string tag_of(std::string_view body, bool gzip) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_Digest(body.data(), body.size(), digest, nullptr, EVP_sha256(), nullptr);
    return fmt::format("\"{:02x}{}\"", fmt::join(digest, digest + 12, ""), gzip ? "-gz" : "");
}

HttpReply tagged(const HttpQuery& query, const char* type, std::string tag) {
    const bool same = query.header("if-none-match").find(tag) != std::string::npos;
    HttpReply reply{same ? 304 : 200, type, "", {}};
    reply.headers.emplace_back("ETag", std::move(tag));
    return reply;
}

HttpReply html_reply(const HttpQuery& query, const std::string& page) {
    const bool gzip = takes_gzip(query.header("accept-encoding"));
    HttpReply reply = tagged(query, "text/html; charset=utf-8", tag_of(page, gzip));
    if (reply.status == 200) {
        reply.body = gzip ? gzipped(page, kLevel) : page;
        if (gzip) reply.headers.emplace_back("Content-Encoding", "gzip");
    }
    reply.headers.emplace_back("Content-Security-Policy", std::string(kPagePolicy));
    reply.headers.emplace_back("Cache-Control", "no-cache");  // cached, but revalidated each time
    reply.headers.emplace_back("Vary", "Accept-Encoding, Accept-Language");
    return reply;
}

}  // namespace

bool takes_gzip(std::string_view accept_encoding) {
    while (!accept_encoding.empty()) {
        const auto comma = accept_encoding.find(',');
        const auto item = core::trimmed(accept_encoding.substr(0, comma));
        accept_encoding.remove_prefix(comma == std::string_view::npos ? accept_encoding.size() : comma + 1);
        const auto semicolon = item.find(';');
        const auto coding = core::trimmed(item.substr(0, semicolon));
        if (coding != "gzip" && coding != "*") continue;
        const auto weight = semicolon == std::string_view::npos ? "" : core::trimmed(item.substr(semicolon + 1));
        return !(weight.starts_with("q=0") && weight.find_first_not_of("0.", 2) == std::string_view::npos);
    }
    return false;
}

HttpReply page_reply(const HttpQuery& query, std::string_view head, std::string_view content) {
    return html_reply(query, fmt::format("{}{}{}{}{}{}", kPageTop, head, kPageStyle, kPageApp, content, kPageTail));
}

HttpReply plain_reply(const HttpQuery& query, std::string_view head, std::string_view content) {
    return html_reply(query,
                      fmt::format("{}{}{}<div id=\"plain\">{}{}", kPageTop, head, kPageStyle, content, kPageTail));
}

HttpReply script_reply(const HttpQuery& query) {
    const bool gzip = takes_gzip(query.header("accept-encoding"));
    HttpReply reply = tagged(query, "text/javascript; charset=utf-8", tag_of(kPageScript, gzip));
    if (reply.status == 200) {
        reply.body = std::string(gzip ? kPageScriptGzipped : kPageScript);
        if (gzip) reply.headers.emplace_back("Content-Encoding", "gzip");
    }
    // Its name is its hash: under this name there will never be anything else.
    reply.headers.emplace_back("Cache-Control", "public, max-age=31536000, immutable");
    reply.headers.emplace_back("Vary", "Accept-Encoding");
    return reply;
}

HttpReply status_page(const StatusSnapshot& snapshot, const HttpQuery& query, std::span<const probe::Record> records) {
    const std::string language = query.header("accept-language");
    return page_reply(query, status_head(snapshot, language), status_content(snapshot, language, records));
}

HttpReply whole_page(const StatusSnapshot& snapshot, const HttpQuery& query, std::span<const probe::Record> records,
                     const PageHistory& history) {
    const std::string language = query.header("accept-language");
    PageChoice choice{query.argument("link").value_or(""), query.argument("ip").value_or(""), PageRange::kDay};
    if (const auto text = query.argument("range")) {
        const auto range = parse_page_range(*text);
        if (!range) return HttpReply::text(400, "400: range: expected hour, day, week or month\n");
        choice.range = *range;
    }
    return plain_reply(query, status_head(snapshot, language, PageSize::kWhole),
                       whole_content(snapshot, language, choice, records, history));
}

HttpRoute script_route() {
    return {std::string(kPageScriptPath), false, "GET", script_reply};
}

}  // namespace postern::agent
