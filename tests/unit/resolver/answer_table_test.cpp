// SPDX-License-Identifier: Apache-2.0
// Finding the owner of a private name.
#include "resolver/answer_table.h"

#include <span>

#include "tests/unit/catch.h"
#include "tests/unit/resolver/plan_kit.h"

using namespace postern;
using namespace postern::resolver;

namespace {

std::vector<core::OwnerView> owners_of(std::span<const core::Bytes> names) {
    std::vector<core::OwnerView> out;
    for (const auto& name : names) {
        core::OwnerView owner;
        owner.name = name;
        out.push_back(owner);
    }
    return out;
}

}  // namespace

// A name that is not found goes to the upstreams, which know it with its public addresses or not at all.
TEST_CASE("answers: each of many names is found, and no other one", "[answers]") {
    std::vector<core::Bytes> names;
    for (int i = 0; i < 1000; ++i)
        names.push_back(test::wire_name("db" + std::to_string(i) + ".example."));
    for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{8}, names.size()}) {
        CAPTURE(count);
        const auto owners = owners_of(std::span(names).first(count));
        for (const std::uint64_t seed : {1u, 2u, 3u}) {
            const AnswerTable table(owners, seed);
            std::size_t found = 0;
            for (std::size_t i = 0; i < names.size(); ++i) {
                const std::int64_t at = table.find(names[i], owners);
                if (i < count && at == static_cast<std::int64_t>(i)) ++found;
                if (i >= count && at == -1) ++found;
            }
            CHECK(found == names.size());
        }
    }
    CHECK(AnswerTable().find(names[0], {}) == -1);
}

TEST_CASE("answers: of equal names the first one is found", "[answers]") {
    const auto same = test::wire_name("db.example.");
    const std::vector<core::Bytes> names{same, test::wire_name("other.example."), same, same};
    const auto owners = owners_of(names);
    CHECK(AnswerTable(owners, 1).find(same, owners) == 0);
}
