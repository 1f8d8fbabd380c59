// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "agent/freeing/free_request.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

TEST_CASE("freeing: a request is an address and a port, and nothing else", "[freeing]") {
    for (const char* address : {"10.0.1.23:443", "[fd00::1]:6041", "127.0.0.1:65535"}) {
        const auto request = FreeRequest::parse(std::string(address) + "\n");
        REQUIRE(request);
        CHECK(request->address.text() == address);
        CHECK(request->line() == std::string(address) + "\n");
    }
    for (const char* bad : {"", "\n", "10.0.1.23:443", "10.0.1.23\n", "10.0.1.23:0\n", "10.0.1.23:443 \n",
                            " 10.0.1.23:443\n", "10.0.1.23:443\n\n", "010.0.1.23:443\n", "10.0.1.23:65536\n",
                            "db.example.com:443\n", "10.0.1.0/24:443\n", "*:443\n"}) {
        INFO(bad);
        CHECK_FALSE(FreeRequest::parse(bad));
    }
    CHECK_FALSE(FreeRequest::parse(std::string(kMaxFreeLine, '1') + "\n"));
}

TEST_CASE("freeing: replies come back as they were written", "[freeing]") {
    std::set<std::string> lines;
    for (int i = 0; i < static_cast<int>(FreeRefusal::kCount); ++i) {
        const FreeReply reply{static_cast<FreeRefusal>(i), 9, 4294967295U};
        const auto back = FreeReply::parse(reply.line());
        REQUIRE(back);
        CHECK((back->refusal == reply.refusal && back->freed == 9 && back->left == 4294967295U));
        CHECK(reply.line().size() <= kMaxFreeLine);
        CHECK(lines.insert(reply.line()).second);
        CHECK(std::string_view(explain(reply.refusal)).empty() == (reply.refusal == FreeRefusal::kNone));
    }
    for (const char* bad :
         {"", "\n", "freed 1 left 2", "freed -1 left 2\n", "freed 1 left 2 \n", "freed 1 left 2 other\n",
          "freed 1 left 2 none\n", "freed 4294967296 left 0\n", "freed  left 2\n", "9 0\n"}) {
        INFO(bad);
        CHECK_FALSE(FreeReply::parse(bad));
    }
}
