// SPDX-License-Identifier: Apache-2.0
// No allocation for a private answer and a cache hit: counted, not believed.
#include <cstdlib>
#include <new>
#include <vector>

#include "tests/unit/catch.h"
#include "tests/unit/resolver/handler_kit.h"

namespace {
std::size_t allocations = 0;
}

#ifdef __SANITIZE_ADDRESS__
// ASan's own operator new is to stay: it tells us by its hook (g++ has the function, but not its header).
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*, std::size_t),
                                                         void (*)(const volatile void*));
namespace {
const int kHooked = __sanitizer_install_malloc_and_free_hooks([](const volatile void*, std::size_t) { ++allocations; },
                                                              [](const volatile void*) {});
}
#else
// Not inlined: g++ would take free() for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
    ++allocations;
    if (void* p = std::malloc(size)) return p;
    throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    ++allocations;
    return std::malloc(size);
}
[[gnu::noinline]] void operator delete(void* p) noexcept {
    std::free(p);
}
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept {
    std::free(p);
}
#endif

TEST_CASE("allocations: they are counted", "[allocation]") {
#ifdef __SANITIZE_ADDRESS__
    CHECK(kHooked > 0);
#endif
    const auto before = allocations;
    const std::vector<int> some(100);
    CHECK(some.size() == 100);
    CHECK(allocations > before);
}

using namespace postern;
using test::Query;

TEST_CASE("allocations: none for private answers, errors, local names and cache hits", "[allocation]") {
    test::Bench bench;
    bench.use(test::usual_plan(1));
    bench.ask(Query{.name = "www.example."});
    bench.transport.answer(0, 0, {"www.example. 60 IN A 192.0.2.80"});
    Query formerr;
    formerr.flags = 0x2100;
    std::vector<core::Bytes> packets;
    for (const auto& q :
         {Query{}, Query{.name = "DB.example.", .type = 28, .edns_size = 1232, .dnssec_ok = true},
          Query{.name = "www.example."}, Query{.name = "WWW.example."}, Query{.name = "localhost."}, formerr}) {
        packets.push_back(q.wire());
    }
    const auto from = test::client_at("127.0.0.1:4000");
    std::vector<std::uint8_t> out(4096);
    bench.handler.begin_batch();
    const auto before = allocations;
    std::size_t replies = 0;
    for (int i = 0; i < 1000; ++i) {
        for (const auto& p : packets)
            replies += bench.handler.handle(p, from, out).size > 0 ? 1 : 0;
    }
    const auto after = allocations;
    CHECK(replies == 6000);
    CHECK(after - before == 0);
}

TEST_CASE("keepalive: a TCP client that asks gets the idle timeout, a UDP client nothing", "[tcp]") {
    test::Bench bench;
    bench.use(test::usual_plan(1));
    Query q{.edns_size = 1232};
    q.edns_options = {0, 11, 0, 0};
    const std::string_view option("\0\x0b\0\x02\0\x64", 6);  // 100 × 100 ms
    CHECK(core::as_text(bench.ask(q, test::client_at("127.0.0.1:1", core::Proto::kTcp))).find(option) !=
          std::string_view::npos);
    CHECK(core::as_text(bench.ask(q)).find(std::string_view("\0\x0b", 2)) == std::string_view::npos);
}
