// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "agent/text/json_view.h"
#include "core/bytes.h"
#include "tests/unit/agent/discovery/snapshot_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;

TEST_CASE("snapshot: what is written is read again", "[snapshot]") {
    CHECK(*parse_snapshot(format_snapshot(sample())) == sample());
    CHECK(*parse_snapshot(format_snapshot({})) == Snapshot{});
    CHECK(JsonView::parse(format_snapshot(sample())));  // as a whole, too: people and scripts read it
}

TEST_CASE("snapshot: any flipped byte, any truncation and any foreign file is refused", "[snapshot]") {
    const std::string good = format_snapshot(sample());
    for (std::size_t at = 0; at < good.size(); ++at) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 0x20);
        const auto result = parse_snapshot(bad);
        // Case of the hex digits in the header is the only thing that may not matter; the content is the same then.
        if (result) CHECK(*result == sample());
        CHECK_FALSE(parse_snapshot(good.substr(0, at)));
    }
    for (const char* foreign :
         {"", "\n", "{}\n", "[1]\n", "<html>", "{\"postern_snapshot\":\"x\"}\n{}", "\xff\xfe\n\x00"}) {
        CHECK_FALSE(parse_snapshot(foreign));
    }
    const auto newer = parse_snapshot("{\"postern_snapshot\":2,\"crc64\":\"0\",\"bytes\":0,\"snapshot\":\n}\n");
    REQUIRE_FALSE(newer);
    CHECK(newer.error().what == "the snapshot has version 2, this program reads 1");
}

TEST_CASE("snapshot: a right checksum over wrong fields does not help", "[snapshot]") {
    const std::string good = format_snapshot(sample());
    std::string body = good.substr(good.find('\n') + 1);
    body.resize(body.size() - 2);  // the "}\n" that ends the document
    body.replace(body.find("10.0.0.1"), 8, "10.0.0.x");
    char header[128];
    std::snprintf(header, sizeof header, "{\"postern_snapshot\":1,\"crc64\":\"%016llx\",\"bytes\":%zu,\"snapshot\":\n",
                  static_cast<unsigned long long>(core::crc64(core::as_bytes(body))), body.size());
    const auto result = parse_snapshot(header + body + "}\n");
    REQUIRE_FALSE(result);
    CHECK(result.error().what == "the snapshot is damaged: a field has the wrong form");
}
