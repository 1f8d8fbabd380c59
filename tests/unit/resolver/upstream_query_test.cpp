// SPDX-License-Identifier: Apache-2.0
// The query that goes to an upstream.
#include "resolver/upstream_query.h"

#include "tests/unit/catch.h"
#include "tests/unit/resolver/plan_kit.h"

using namespace postern;
using namespace postern::resolver;

// Every byte of it, whatever was in the buffer before: a server answers another message with FORMERR, or not at all.
TEST_CASE("upstream query: the question with our ID, the client's flags, and what the server copes with",
          "[upstream]") {
    const core::Bytes cookie{1, 2, 3, 4, 5, 6, 7, 8};
    for (const bool dnssec_ok : {false, true}) {
        for (const Extras extras : {Extras::kNone, Extras::kOpt, Extras::kCookie}) {
            CAPTURE(dnssec_ok, extras);
            test::Query expected{.name = "Www.example.", .type = 28, .id = 0xabcd, .flags = 0x0110};
            Flight f;
            f.key.flags = expected.flags;
            f.key.dnssec_ok = dnssec_ok;
            const auto plain = expected.wire();
            f.question.assign(plain.begin() + kHeaderSize, plain.end());
            if (extras != Extras::kNone) {
                expected.edns_size = 1232;
                expected.dnssec_ok = dnssec_ok;
            }
            if (extras == Extras::kCookie) {
                expected.edns_options = {0, 10, 0, 8};
                expected.edns_options.insert(expected.edns_options.end(), cookie.begin(), cookie.end());
            }
            std::array<std::uint8_t, kMaxUpstreamQuery> out;
            out.fill(0xff);
            const std::size_t size = write_upstream_query(expected.id, f, extras, cookie, out.data());
            CHECK(core::Bytes(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size)) == expected.wire());
        }
    }
}
