// SPDX-License-Identifier: Apache-2.0
// When the running prober sends a large ClientHello, and what the results then say.
#include <map>
#include <vector>

#include "probe/large_hello_watch.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::probe;
using namespace postern::test;

namespace {

class Nothing final : public RunningProbe {};

/// Attempts that end when the test says so.
class Attempts final : public ProbeLauncher {
  public:
    std::unique_ptr<RunningProbe> launch(const ProbeTarget&, ProbeDone done) override {
        done_ = std::move(done);
        return std::make_unique<Nothing>();
    }
    ProbeDone done_;
};

struct World {
    FakeClock clock;
    Attempts attempts;
    std::vector<core::IpAddress> sent;
    std::function<void(HandshakeFate)> answer;
    LargeHelloWatch watch{clock, attempts, [this](const ProbeTarget& target, std::function<void(HandshakeFate)> done) {
                              sent.push_back(target.ip);
                              answer = std::move(done);
                              return std::make_unique<Nothing>();
                          }};

    /// What an attempt that passed says of the large hello.
    std::string_view attempt(const char* ip, bool passes = true) {
        auto spec = std::make_shared<ProbeSpec>();
        HandshakeFate said{};
        const auto running = watch.launch({"link", *core::IpAddress::parse(ip), "", "", std::move(spec)},
                                          [&](const ProbeResult& r) { said = r.large_hello; });
        ProbeResult result;
        result.ok = passes;
        if (passes) result.tls_version = "TLSv1.3";
        if (!passes) result.phase = Phase::kConnect;
        attempts.done_(result);
        return to_string(said);
    }
};

}  // namespace

TEST_CASE("hello watch: after a pass, once an hour; the results say what was last seen", "[hello]") {
    World w;
    CHECK(w.attempt("10.0.0.1", false).empty());
    CHECK(w.sent.empty());  // the small one has not passed
    CHECK(w.attempt("10.0.0.1").empty());
    REQUIRE(w.sent.size() == 1);
    CHECK(w.attempt("10.0.0.1").empty());  // not known yet
    w.answer(HandshakeFate::kSilent);
    CHECK(w.attempt("10.0.0.1") == "silent");
    w.clock.advance(core::kHour - 1);
    CHECK(w.attempt("10.0.0.1", false) == "silent");
    CHECK(w.attempt("10.0.0.1") == "silent");
    CHECK(w.sent.size() == 1);
    w.clock.advance(1);
    CHECK(w.attempt("10.0.0.1") == "silent");
    REQUIRE(w.sent.size() == 2);
    w.answer(HandshakeFate::kPassed);
    CHECK(w.attempt("10.0.0.1") == "passed");
    w.clock.advance(2 * core::kHour);
    CHECK(w.attempt("10.0.0.1", false).empty());  // too old to be told
}

TEST_CASE("hello watch: one address at a time", "[hello]") {
    World w;
    w.attempt("10.0.0.1");
    w.attempt("10.0.0.2");
    CHECK(w.sent.size() == 1);
    w.answer(HandshakeFate::kUnknown);
    CHECK(w.attempt("10.0.0.1").empty());
    CHECK(w.sent.size() == 1);
    w.attempt("10.0.0.2");
    CHECK(w.sent.size() == 2);
    w.answer(HandshakeFate::kPassed);
    CHECK(w.attempt("10.0.0.2") == "passed");
    CHECK(w.attempt("10.0.0.1").empty());
}
