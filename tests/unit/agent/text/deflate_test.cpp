// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>

#include "agent/text/deflate.h"
#include "core/random.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

/// `size` bytes at most; what does not end there is no stream of ours.
std::string inflated(const std::string& packed, std::size_t size) {
    z_stream stream{};
    REQUIRE(inflateInit2(&stream, MAX_WBITS + 16) == Z_OK);
    std::string out(size + 1, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int rc = inflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    inflateEnd(&stream);
    CHECK(rc == Z_STREAM_END);
    CHECK(stream.avail_in == 0);
    return out;
}

std::string noise(std::size_t size) {
    core::SeededRandom random{5};
    std::string out;
    while (out.size() < size)
        out += static_cast<char>(random.next64());
    return out;
}

}  // namespace

TEST_CASE("deflate: what was packed comes out again, at every level", "[deflate]") {
    const std::string texts[] = {"", "a", std::string(3, '\0'), std::string(300000, 'x'), noise(100000)};
    for (int level = 1; level <= 9; level += 4) {
        for (const auto& text : texts) {
            INFO(level << ", " << text.size() << " bytes");
            CHECK(inflated(gzipped(text, level), text.size()) == text);
        }
    }
}

TEST_CASE("deflate: a gzip header, and small what is alike", "[deflate]") {
    CHECK(gzipped("text", 6).starts_with("\x1f\x8b\x08"));
    CHECK(gzipped(std::string(100000, 'x'), 9).size() < 1000);
}
