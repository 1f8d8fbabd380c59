// SPDX-License-Identifier: Apache-2.0
// Handshakes of a shape of their own against a real TLS server on loopback, and the large ClientHello with its control.
#include <optional>

#include "core/loop.h"
#include "probe/large_hello.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"
#include "tests/unit/probe/fake_gateway.h"

using namespace postern;
using namespace postern::probe;
using namespace postern::test;

namespace {

constexpr std::size_t kLimit = 1400;  // of a middlebox

using Start =
    std::function<std::unique_ptr<RunningProbe>(core::Loop&, core::Clock&, const ProbeTarget&, HandshakeRun::Done)>;

Start shaped(HandshakeShape shape) {
    return [shape](core::Loop& loop, core::Clock& clock, const ProbeTarget& target, HandshakeRun::Done done) {
        return std::make_unique<HandshakeRun>(loop, clock, target, shape, std::move(done));
    };
}

/// The clock stands still but for moments in which the gateway is silent: then the handshake's time is over at once.
HandshakeFate run(const Start& start, const FakeGateway& gateway, std::uint16_t port) {
    core::Loop loop;
    std::optional<HandshakeFate> fate;
    {
        core::SystemClock real(loop);
        FakeClock clock(real.mono_us(), real.wall_us());
        core::Timer limit(real);
        bool expired = false;
        limit.start_in(20 * core::kSecond, [&] { expired = true; });
        core::FdWatcher silence;
        gateway.wake_when_silent(loop, silence);
        const ProbeTarget target{"link", *core::IpAddress::parse("127.0.0.1"), "", "",
                                 std::make_shared<const ProbeSpec>(good_spec(port))};
        bool started = false;
        std::unique_ptr<RunningProbe> running;
        running = start(loop, clock, target, [&](HandshakeFate f) {
            CHECK(started);  // never from inside
            CHECK_FALSE(fate);
            fate = f;
            running.reset();
        });
        started = true;
        for (int judged = 0; !fate && !expired;) {
            if (clock.next_alarm() <= clock.mono_us()) {
                clock.advance(0);
            } else if (gateway.silent_in() == judged) {
                loop.run_once();
            } else {
                judged = gateway.silent_in();
                for (int turn = 0; turn < 10; ++turn)
                    loop.poll();
                if (clock.next_alarm() != core::kNever) clock.advance(clock.next_alarm() - clock.mono_us());
            }
        }
    }
    CHECK(loop.close());
    REQUIRE(fate);
    return *fate;
}

std::string_view large(FakeGateway::Script script) {
    FakeGateway gateway(test_ca().issue(), std::move(script));
    return to_string(run(send_large_hello, gateway, gateway.port()));
}

/// A middlebox before a gateway: what it does to a large hello.
FakeGateway::Script box(std::function<void(Connection&)> to_large) {
    return [to_large = std::move(to_large)](Connection& c) {
        if (c.hello_size() > kLimit) return to_large(c);
        c.handshake();
        c.wait_for_peer();
    };
}

void alert(Connection& c) {
    c.read_raw();
    c.send_raw(std::string_view("\x15\x03\x03\x00\x02\x02\x28", 7));  // fatal, handshake_failure
}

}  // namespace

TEST_CASE("hello: the small one fits into any packet, the large one into no Ethernet frame", "[hello]") {
    for (const auto size : {HelloSize::kSmall, HelloSize::kLarge}) {
        std::size_t seen = 0;
        FakeGateway gateway(test_ca().issue(), [&](Connection& c) {
            seen = c.hello_size();
            c.handshake();
            c.wait_for_peer();
        });
        CHECK(run(shaped({size}), gateway, gateway.port()) == HandshakeFate::kPassed);
        if (size == HelloSize::kSmall) CHECK(seen < 500);
        if (size == HelloSize::kLarge) CHECK(seen > 1500);
        if (size == HelloSize::kLarge) CHECK(seen < 2000);  // that of a hybrid key exchange, not of more
    }
}

TEST_CASE("hello: a handshake in small segments", "[hello]") {
    FakeGateway gateway(test_ca().issue(), [](Connection& c) {
        c.handshake();
        c.wait_for_peer();
    });
    CHECK(run(shaped({HelloSize::kLarge, kSmallSegment}), gateway, gateway.port()) == HandshakeFate::kPassed);
}

TEST_CASE("hello: what a middlebox does to the large one is told, while the small one passes", "[hello]") {
    CHECK(large(box([](Connection& c) { c.handshake(); })) == "passed");
    CHECK(large(box([](Connection& c) { c.wait_for_peer(); })) == "silent");
    CHECK(large(box([](Connection& c) { c.reset(); })) == "reset");
    CHECK(large(box([](Connection& c) {
              c.read_raw();
              c.finish();
          })) == "closed");
    CHECK(large(box(alert)) == "refused");
    CHECK(large(box([](Connection& c) {
              c.read_raw();
              c.send_raw("HTTP/1.1 400 Bad Request\r\n\r\n");
          })) == "refused");
}

TEST_CASE("hello: nothing is said of the large one where the small one fails, too, or nobody listens", "[hello]") {
    CHECK(large([](Connection& c) { c.wait_for_peer(); }).empty());
    CHECK(large([](Connection& c) { c.reset(); }).empty());
    CHECK(large(alert).empty());
    FakeGateway gateway(test_ca().issue(), [](Connection&) {});
    std::optional<FakeGateway> gone(std::in_place, test_ca().issue(), [](Connection&) {});
    const std::uint16_t port = gone->port();
    gone.reset();
    CHECK(run(send_large_hello, gateway, port) == HandshakeFate::kUnknown);
}

TEST_CASE("hello: the small one has passed if the attempt came beyond TLS", "[hello]") {
    ProbeResult result;
    CHECK_FALSE(small_hello_passed(result));
    result.ok = true;  // kind tcp: no TLS
    CHECK_FALSE(small_hello_passed(result));
    result.tls_version = "TLSv1.3";
    CHECK(small_hello_passed(result));
    result.ok = false;
    result.phase = Phase::kTls;  // a bad certificate
    CHECK_FALSE(small_hello_passed(result));
    result.phase = Phase::kTtfb;
    CHECK(small_hello_passed(result));
}
