// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>

#include <thread>

#include "agent/freeing/free_service.h"
#include "agent/freeing/free_stream.h"
#include "core/file_system.h"
#include "core/log.h"
#include "core/loop.h"
#include "tests/unit/agent/freeing/plan_kit.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;

namespace {

struct Service {
    test::TempFolder folder;
    std::string plan = folder.path() + "/plan", path = folder.path() + "/free.socket";

    Service() {
        core::Plan made = test::plan_of_targets();
        made.owners[0].verdicts_until = 0;
        REQUIRE(core::write_file(plan, *core::serialize(made), 0600, false));
    }
    FreeReply answer(std::string_view line) {
        Destroyer destroyer;
        return answer_free_request(line, 1, plan, destroyer);
    }
};

}  // namespace

TEST_CASE("freeing: what the plan does not allow is refused, whoever asks", "[freeing]") {
    Service s;
    CHECK(s.answer("10.0.0.1:443\n").refusal == FreeRefusal::kAnswered);
    CHECK(s.answer("10.0.0.3:443\n").refusal == FreeRefusal::kNotAsked);
    CHECK(s.answer("10.9.9.9:443\n").refusal == FreeRefusal::kNotManaged);
    CHECK(s.answer("all\n").refusal == FreeRefusal::kMalformed);
    const FreeReply nothing = s.answer("10.0.0.2:443\n");  // nobody is connected there
    CHECK((nothing.refusal == FreeRefusal::kNone && nothing.freed == 0 && nothing.left == 0));
    s.plan += ".missing";
    CHECK(s.answer("10.0.0.2:443\n").refusal == FreeRefusal::kNoPlan);
}

TEST_CASE("freeing: asked through the socket, also after askers that say nothing", "[freeing]") {
    Service s;
    const auto request = *FreeRequest::parse("10.0.0.1:443\n");
    CHECK(ask_postern_free(s.path, request, core::kSecond).refusal == FreeRefusal::kUnreachable);
    const auto listener = free_listener(s.path);
    REQUIRE(listener);
    std::thread service([&] { serve_free_requests(listener->get(), s.plan, 0); });
    {
        const auto name = *unix_address(s.path);
        const core::UniqueFd gone(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        REQUIRE(::connect(gone.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
        ::shutdown(gone.get(), SHUT_WR);
        CHECK(ask_postern_free(s.path, request, 30 * core::kSecond).refusal == FreeRefusal::kAnswered);
        const core::UniqueFd long_one(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        REQUIRE(::connect(long_one.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
        CHECK(write_line(long_one.get(), std::string(kMaxFreeLine + 1, 'x')));
        CHECK_FALSE(read_line(long_one.get()));  // ended without a reply
    }
    CHECK(ask_postern_free(s.path, request, 30 * core::kSecond).refusal == FreeRefusal::kAnswered);
    ::shutdown(listener->get(), SHUT_RDWR);  // accept() fails now, and poll() says so
    service.join();
    CHECK_FALSE(free_listener(std::string(200, 'x')));
}
