// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/page_reply.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <zlib.h>

#include "agent/serving/page_asset.h"
#include "agent/serving/status_page.h"
#include "agent/text/deflate.h"
#include "core/text.h"

namespace postern::agent {

namespace {

const Bytef* bytes_of(std::string_view text) {
    return reinterpret_cast<const Bytef*>(text.data());
}

std::string little_endian(unsigned long value) {
    std::string out;
    for (int shift = 0; shift < 32; shift += 8)
        out += static_cast<char>(value >> shift & 0xff);
    return out;
}

/// RFC 1952: the packed head, then the rest.
std::string gzip_behind_head(std::string_view rest) {
    static constexpr std::string_view kHeader("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
    std::string out(kHeader);
    out += kPageHeadDeflated;
    out += deflated(rest, 6, DeflateForm::kRaw);  // ends the stream whose beginning was flushed
    out += little_endian(crc32(kPageHeadCrc, bytes_of(rest), static_cast<uInt>(rest.size())));
    out += little_endian(kPageHead.size() + rest.size());
    return out;
}

std::string tag_of(std::string_view rest, bool gzip) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_Digest(rest.data(), rest.size(), digest, nullptr, EVP_sha256(), nullptr);
    return fmt::format("\"{:08x}{:02x}{}\"", kPageHeadCrc, fmt::join(digest, digest + 8, ""), gzip ? "-gz" : "");
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

HttpReply page_reply(const HttpQuery& query, std::string_view content) {
    const bool gzip = takes_gzip(query.header("accept-encoding"));
    const std::string rest = std::string(content) + std::string(kPageTail);
    const std::string tag = tag_of(rest, gzip);
    const bool same = query.header("if-none-match").find(tag) != std::string::npos;
    HttpReply reply{same ? 304 : 200, "text/html; charset=utf-8", "", {}};
    if (!same) reply.body = gzip ? gzip_behind_head(rest) : std::string(kPageHead) + rest;
    if (gzip && !same) reply.headers.emplace_back("Content-Encoding", "gzip");
    reply.headers.emplace_back("Content-Security-Policy", std::string(kPagePolicy));
    reply.headers.emplace_back("Cache-Control", "no-cache");  // cached, but revalidated each time
    reply.headers.emplace_back("ETag", tag);
    reply.headers.emplace_back("Vary", "Accept-Encoding, Accept-Language");
    return reply;
}

HttpReply status_page(const StatusSnapshot& snapshot, const HttpQuery& query) {
    return page_reply(query, status_content(snapshot, query.header("accept-language")));
}

}  // namespace postern::agent
