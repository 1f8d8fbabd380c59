// SPDX-License-Identifier: Apache-2.0
// What is left out of a reply that is too large for its client.
#include "resolver/shorten.h"

#include <algorithm>

#include "tests/unit/catch.h"
#include "tests/unit/resolver/plan_kit.h"

using namespace postern;
using namespace postern::resolver;
using Lines = std::vector<std::string>;

namespace {

/// A reply's sections, and where its records end.
struct Reply {
    Reply(const Lines& answers, const Lines& authorities, const Lines& additionals) {
        for (const Lines* section : {&answers, &authorities, &additionals}) {
            for (const auto& record : *section) {
                const auto one = test::wire_records({record});
                wire.insert(wire.end(), one.begin(), one.end());
                ends.push_back(wire.size());
            }
        }
        sections.wire = wire;
        sections.answers = static_cast<std::uint16_t>(answers.size());
        sections.authorities = static_cast<std::uint16_t>(authorities.size());
        sections.additionals = static_cast<std::uint16_t>(additionals.size());
    }
    Reply(const Reply&) = delete;

    core::Bytes wire;
    std::vector<std::size_t> ends;
    Sections sections;
};

/// Whether `s` begins as the reply does, and has these counts.
bool is(const Sections& s, const Reply& reply, std::size_t records, std::array<std::size_t, 3> counts) {
    const std::size_t size = records == 0 ? 0 : reply.ends[records - 1];
    return s.wire.size() == size && std::equal(s.wire.begin(), s.wire.end(), reply.wire.begin()) &&
           std::array<std::size_t, 3>{s.answers, s.authorities, s.additionals} == counts;
}

const Lines kTwoAnswers{"www.example. 60 IN A 192.0.2.1", "www.example. 60 IN A 192.0.2.2"};
const Lines kTwoServers{"example. 60 IN NS ns1.example.", "example. 60 IN NS ns2.example."};
const Lines kTwoAddresses{"ns1.example. 60 IN A 192.0.2.53", "ns2.example. 60 IN AAAA 2001:db8::53"};
const Lines kStart{"example. 60 IN SOA ns1.example. root.example. 1 2 3 4 5"};

}  // namespace

// A count that is not that of the records makes the reply unreadable.
TEST_CASE("shorten: as many whole records as fit, each counted in its section", "[reply]") {
    const Reply reply(kTwoAnswers, kTwoServers, kTwoAddresses);
    for (std::size_t room = 0; room <= reply.wire.size(); ++room) {
        CAPTURE(room);
        std::size_t fit = 0;
        while (fit < reply.ends.size() && reply.ends[fit] <= room)
            ++fit;
        const auto in_section = [&](std::size_t before) {
            return fit > before ? std::min<std::size_t>(fit - before, 2) : 0;
        };
        CHECK(is(first_records(reply.sections, room), reply, fit, {in_section(0), in_section(2), in_section(4)}));
    }
}

TEST_CASE("shorten: first the additional section is left out, then the authority section", "[reply]") {
    const Reply reply(kTwoAnswers, kTwoServers, kTwoAddresses);
    CHECK(is(without_extras(reply.sections, reply.ends[4]), reply, 4, {2, 2, 0}));
    CHECK(is(without_extras(reply.sections, reply.ends[3]), reply, 4, {2, 2, 0}));
    CHECK(is(without_extras(reply.sections, reply.ends[3] - 1), reply, 2, {2, 0, 0}));
    CHECK(is(without_extras(reply.sections, 0), reply, 2, {2, 0, 0}));
}

// Without its SOA a negative reply does not say for how long it holds, without its proofs a signed one is not believed.
TEST_CASE("shorten: the authority section stays where it belongs to the answer", "[reply]") {
    const Reply negative({}, kStart, kTwoAddresses);
    CHECK(is(without_extras(negative.sections, 0), negative, 1, {0, 1, 0}));
    const std::string proof = "a.example. 60 IN NSEC b.example. A";
    for (const std::uint8_t type : {std::uint8_t{kTypeNsec}, std::uint8_t{kTypeNsec3}}) {
        Reply wildcard({kTwoAnswers[0]}, {kTwoServers[0], proof}, kTwoAddresses);
        wildcard.wire[wildcard.ends[1] + test::wire_name("a.example.").size() + 1] = type;
        CHECK(is(without_extras(wildcard.sections, 0), wildcard, 3, {1, 2, 0}));
    }
    const Reply behind({kTwoAnswers[0]}, {kTwoServers[0]}, {proof});  // there it proves nothing
    CHECK(is(without_extras(behind.sections, 0), behind, 1, {1, 0, 0}));
}
