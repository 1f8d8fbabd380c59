// SPDX-License-Identifier: Apache-2.0
#include <openssl/evp.h>
#include <zlib.h>

#include "agent/serving/http_routes.h"
#include "agent/serving/page_asset.h"
#include "agent/serving/page_reply.h"
#include "agent/serving/status_page.h"
#include "tests/unit/agent/serving/fake_agent.h"
#include "tests/unit/agent/serving/http_fixture.h"
#include "tests/unit/agent/status/status_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;

namespace {

HttpQuery query(std::vector<std::pair<std::string, std::string>> headers = {}) {
    HttpQuery q;
    q.method = "GET";
    q.path = "/";
    q.headers = std::move(headers);
    return q;
}

std::string header(const HttpReply& reply, std::string_view name) {
    for (const auto& [key, value] : reply.headers) {
        if (key == name) return value;
    }
    return "";
}

std::string gunzip(const std::string& packed) {
    z_stream stream{};
    REQUIRE(inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK);
    std::string out(1 << 20, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    REQUIRE(inflate(&stream, Z_FINISH) == Z_STREAM_END);  // checks CRC and size, too
    CHECK(stream.avail_in == 0);
    out.resize(stream.total_out);
    inflateEnd(&stream);
    return out;
}

std::string source_of(std::string_view text) {
    unsigned char digest[EVP_MAX_MD_SIZE], encoded[64];
    EVP_Digest(text.data(), text.size(), digest, nullptr, EVP_sha256(), nullptr);
    const int length = EVP_EncodeBlock(encoded, digest, 32);
    return "sha256-" + std::string(reinterpret_cast<char*>(encoded), static_cast<std::size_t>(length));
}
std::string between(const std::string& page, std::string_view begin, std::string_view end) {
    const auto from = page.find(begin) + begin.size();
    return page.substr(from, page.find(end, from) - from);
}

}  // namespace

TEST_CASE("page reply: one page around title and content; its policy names style and script by their hashes alone",
          "[page]") {
    const HttpReply reply = page_reply(query(), "<title>t</title>", "<p>content</p>");
    CHECK(reply.status == 200);
    CHECK(between(reply.body, "<title>", "</title>") == "t");
    CHECK(between(reply.body, "<div id=\"plain\">", "</div>") == "\n<p>content</p>");
    const std::string policy = header(reply, "Content-Security-Policy");
    CHECK_THAT(policy, Catch::Matchers::StartsWith("default-src 'none'; "));
    CHECK(has(policy, "script-src '" + source_of(kPageScript) + "';"));
    CHECK(has(policy, "style-src '" + source_of(between(reply.body, "<style>", "</style>")) + "';"));
    CHECK_FALSE(has(policy, "unsafe"));
    CHECK(has(reply.body, "integrity=\"" + source_of(kPageScript) + "\"></script>"));
    CHECK(header(reply, "Content-Encoding").empty());
    CHECK(header(reply, "Vary") == "Accept-Encoding, Accept-Language");
}

TEST_CASE("page reply: the script is kept for good under a name that is its hash", "[page]") {
    const HttpReply plain = script_reply(query()), packed = script_reply(query({{"accept-encoding", "gzip"}}));
    CHECK(plain.body == kPageScript);
    CHECK(gunzip(packed.body) == plain.body);
    CHECK(header(packed, "Content-Encoding") == "gzip");
    CHECK(header(plain, "Cache-Control") == "public, max-age=31536000, immutable");
    CHECK(plain.content_type == "text/javascript; charset=utf-8");
    CHECK(header(plain, "ETag") != header(packed, "ETag"));
    const HttpReply same = script_reply(query({{"if-none-match", header(plain, "ETag")}}));
    CHECK(same.status == 304);
    CHECK(same.body.empty());
    CHECK(has(page_reply(query(), "", "").body, "src=\"" + std::string(kPageScriptPath.substr(1)) + "\""));
}

TEST_CASE("page reply: page and script keep their budget, plain and compressed", "[page]") {
    auto s = snapshot(
        {link(std::vector<AddressStatus>(1000, address("10.0.1.23", "h", probe::State::kUp, probe::State::kUp)))});
    judge(s);
    for (const std::string& content : {std::string(), std::string("<p>x</p>"), status_content(s)}) {
        const HttpReply plain = page_reply(query(), status_head(s), content),
                        packed = page_reply(query({{"accept-encoding", "br, gzip"}}), status_head(s), content);
        CHECK(header(packed, "Content-Encoding") == "gzip");
        CHECK(gunzip(packed.body) == plain.body);
        CHECK(plain.body.size() + kPageScript.size() <= 100'000);
        CHECK(packed.body.size() + kPageScriptGzipped.size() <= 35'000);
    }
}

TEST_CASE("page reply: without JavaScript the whole page is one step away, and has every address", "[page]") {
    std::vector<AddressStatus> many;
    for (int i = 0; i < 1000; ++i) {
        many.push_back(address(("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250)).c_str(), "h",
                               probe::State::kUp, probe::State::kUp));
    }
    auto s = snapshot({link(many)});
    judge(s);
    CHECK(has(status_page(s, query(), {}).body, "<noscript><meta http-equiv=\"refresh\" content=\"0; url=plain\">"));
    const PageHistory none = [](const auto&, const auto&, auto, auto) { return std::nullopt; };
    const HttpReply whole = whole_page(s, query(), {}, none);
    for (const auto& a : many)
        CHECK(has(whole.body, ">" + a.ip.text() + "</a></code>"));
    CHECK_FALSE(has(whole.body, "<script"));
    CHECK_FALSE(has(whole.body, "id=\"app\""));
    CHECK(has(header(whole, "Content-Security-Policy"),
              "style-src '" + source_of(between(whole.body, "<style>", "</style>"))));
}

TEST_CASE("page reply: an ETag spares what the client has, and turns with the content and the coding", "[page]") {
    const std::string tag = header(page_reply(query(), "", "a"), "ETag");
    CHECK_THAT(tag, Catch::Matchers::StartsWith("\"") && Catch::Matchers::EndsWith("\""));
    const HttpReply same = page_reply(query({{"if-none-match", "\"other\", " + tag}}), "", "a");
    CHECK(same.status == 304);
    CHECK(same.body.empty());
    CHECK(header(same, "ETag") == tag);
    CHECK(page_reply(query({{"if-none-match", tag}}), "", "b").status == 200);
    CHECK(page_reply(query({{"if-none-match", tag}, {"accept-encoding", "gzip"}}), "", "a").status == 200);
}

TEST_CASE("page reply: gzip only where it is allowed", "[page]") {
    for (const char* yes : {"gzip", "gzip, deflate, br", "br;q=1.0, gzip;q=0.5", "*", " gzip ; q=1"})
        CHECK(takes_gzip(yes));
    for (const char* no : {"", "br", "gzip;q=0", "gzip; q=0.000", "x-gzip", "identity"})
        CHECK_FALSE(takes_gzip(no));
}

TEST_CASE("page reply: over HTTP, with all its headers, and a 304 without a body", "[page]") {
    FakeAgent served;
    served.status = snapshot({link({address("10.0.1.23", "h", probe::State::kUp, probe::State::kUp)})});
    judge(served.status);
    HttpFixture f(served.routes());
    const auto plain = f.get("/");
    CHECK(status_of(plain) == 200);
    CHECK(has(plain, "X-Content-Type-Options: nosniff"));
    CHECK(has(plain, "Cache-Control: no-cache"));
    CHECK(has(body_of(plain), "1 link, 1 of 1 address up"));
    CHECK(has(body_of(plain), "<div lang=\"en\">"));
    CHECK(has(body_of(f.get("/", "Accept-Language: zh-CN,zh;q=0.9\r\n")), "<div lang=\"zh-CN\">"));
    const auto packed = f.get("/", "Accept-Encoding: gzip\r\n");
    CHECK(gunzip(body_of(packed)) == body_of(plain));
    const auto at = packed.find("ETag: ");
    const auto again = f.get("/", "Accept-Encoding: gzip\r\nIf-None-Match: " +
                                      packed.substr(at + 6, packed.find("\r\n", at) - at - 6) + "\r\n");
    CHECK(status_of(again) == 304);
    CHECK(body_of(again).empty());
    const auto script = f.get(std::string(kPageScriptPath));
    CHECK(status_of(script) == 200);
    CHECK(has(script, "Cache-Control: public, max-age=31536000, immutable"));
    CHECK(has(script, "X-Content-Type-Options: nosniff"));
    CHECK(body_of(script) == kPageScript);
    CHECK(status_of(f.get("/assets/postern.0000000000000000.js")) == 404);
    CHECK(has(body_of(f.get("/plain")), "10.0.1.23"));
}
