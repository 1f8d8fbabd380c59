// SPDX-License-Identifier: Apache-2.0
// Writes a plan for measurements and for trying the resolver by hand:
//     make_plan FILE LISTEN UPSTREAM[,UPSTREAM…]|- NAMES [CACHE_BYTES] [GENERATION] [TIMEOUT_S] [ATTEMPTS]
// for clients with these options in resolv.conf, with the names n0.bench.example … of one address each, 10.1.x.y.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

#include "core/loop.h"
#include "tests/unit/resolver/plan_kit.h"

int main(int argc, char** argv) {
    using namespace postern;
    if (argc < 5) {
        std::fputs(
            "usage: make_plan FILE LISTEN UPSTREAM,…|- NAMES [CACHE_BYTES] [GENERATION] [TIMEOUT_S] [ATTEMPTS]\n",
            stderr);
        return 3;
    }
    core::Plan plan = test::base_plan();
    plan.listen = {*core::SocketAddress::parse(argv[2], 53)};
    std::string upstreams = argv[3];
    std::uint32_t id = 1;
    while (upstreams != "-" && !upstreams.empty()) {
        const auto comma = upstreams.find(',');
        plan.upstreams.push_back({id++, *core::SocketAddress::parse(upstreams.substr(0, comma), 53)});
        upstreams = comma == std::string::npos ? "" : upstreams.substr(comma + 1);
    }
    if (argc > 5) plan.settings.cache_bytes = std::strtoull(argv[5], nullptr, 10);
    if (argc > 6) plan.generation = std::strtoull(argv[6], nullptr, 10);
    if (argc > 8) {
        const auto timeout_s = std::strtoull(argv[7], nullptr, 10);
        plan.settings.upstream_budget_ms = timeout_s <= 2 ? 1800 : 4000;
        plan.settings.client_patience_ms = 1000 * timeout_s * std::strtoull(argv[8], nullptr, 10);
    }
    const core::Micros until = core::now_mono_us() + core::kHour;
    for (int i = 0; i < std::atoi(argv[4]); ++i) {
        const auto name = fmt::format("n{}.bench.example.", i);
        const auto ip = fmt::format("10.1.{}.{}", i / 250 % 250, i % 250 + 1);
        plan.owners.push_back(test::owner_of(name, {ip}, {ip}, until));
    }
    const auto bytes = core::serialize(plan);
    const auto written = bytes ? core::write_file(argv[1], *bytes, 0644, false) : tl::unexpected(bytes.error());
    if (!written) {
        std::fprintf(stderr, "make_plan: %s\n", written.error().text().c_str());
        return 2;
    }
    return 0;
}
