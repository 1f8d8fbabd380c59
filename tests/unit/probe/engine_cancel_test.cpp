// SPDX-License-Identifier: Apache-2.0
// Cancelling an attempt: at every stage, and in its callback.
#include "core/loop.h"
#include "probe/probe_run.h"
#include "tests/unit/catch.h"
#include "tests/unit/probe/fake_gateway.h"

using namespace postern;
using namespace postern::probe;
using namespace postern::test;

TEST_CASE("engine: destroying an attempt cancels it, at every stage", "[engine]") {
    FakeGateway gateway(test_ca().issue(), [](Connection& c) {
        if (c.handshake()) c.read_request();
        c.wait_for_peer();
    });
    for (const int turns : {0, 1, 2, 3, 5, 8}) {
        core::Loop loop;
        {
            core::SystemClock clock(loop);
            TlsContexts contexts(loop);
            NetworkLauncher launcher(loop, clock, contexts);
            const ProbeTarget target{"l", *core::IpAddress::parse("127.0.0.1"), "", "",
                                     std::make_shared<const ProbeSpec>(good_spec(gateway.port()))};
            auto run = launcher.launch(target, [](const ProbeResult&) { FAIL("a cancelled attempt reported"); });
            for (int i = 0; i < turns; ++i)
                loop.poll();
            run.reset();
            for (int i = 0; i < 20; ++i)
                loop.poll();
        }
        CHECK(loop.close());
    }
}

TEST_CASE("engine: an attempt may be destroyed in its own callback", "[engine]") {
    FakeGateway gateway(test_ca().issue(), answer(chunked_reply(kSelectOne)));
    core::Loop loop;
    {
        core::SystemClock clock(loop);
        TlsContexts contexts(loop);
        NetworkLauncher launcher(loop, clock, contexts);
        const ProbeTarget target{"l", *core::IpAddress::parse("127.0.0.1"), "", "",
                                 std::make_shared<const ProbeSpec>(good_spec(gateway.port()))};
        std::unique_ptr<RunningProbe> run;
        bool done = false;
        run = launcher.launch(target, [&](const ProbeResult& result) {
            CHECK(result.ok);
            run.reset();
            done = true;
        });
        core::Timer limit(clock);
        limit.start_in(10 * core::kSecond, [&] {
            done = true;
            FAIL("no result");
        });
        while (!done)
            loop.run_once();
    }
    CHECK(loop.close());
}
