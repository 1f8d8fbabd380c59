// SPDX-License-Identifier: Apache-2.0
// The command line of postern-resolver.
#include "resolver/options.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::resolver;

TEST_CASE("command line: every mistake says what was expected", "[options]") {
    const auto text = [](std::vector<std::string> arguments) {
        const auto options = parse_options(arguments);
        return options ? std::string("ok") : options.error().text();
    };
    CHECK(text({"--plan", "/run/p/plan", "--plan=/var/p/plan", "--stats", "s", "--fallback", "f"}) == "ok");
    CHECK(text({"--plan", "/run/p/plan", "/var/p/plan", "--stats", "s", "--sockets", "2"}) == "ok");
    CHECK(parse_options({"--plan", "a", "b"})->paths.plans == std::vector<std::string>{"a", "b"});
    CHECK(parse_options({"--plan", "a", "--sockets=4"})->sockets == 4);
    CHECK(text({"--plan", "a", "--sockets", "many"}).find("--sockets is \"many\"") == 0);
    for (const char* number : {"0", "-1", "65", "4x", "99999999999999999999"})
        CHECK(text({"--plan", "a", "--sockets", number}).find("--sockets is \"" + std::string(number) + "\"") == 0);
    for (const char* number : {"1", "64"})
        CHECK(text({"--plan", "a", "--sockets", number}) == "ok");
    CHECK(text({"--plan", "a", "b", "c"}).find("--plan is given more than twice") == 0);
    CHECK(text({}).find("no plan is given") == 0);
    CHECK(text({"--plan"}).find("--plan has no value") == 0);
    CHECK(text({"--plan="}).find("--plan has no value") == 0);
    CHECK(text({"--plan", "--stats", "s"}).find("--plan has no value") == 0);
    CHECK(text({"--plan", "a", "--stats="}).find("--stats has no value") == 0);
    CHECK(text({"a"}).find("unknown argument \"a\"") == 0);
    CHECK(text({"plan=a"}).find("unknown argument \"plan=a\"") == 0);
    CHECK(text({"--plan", "a", "--bogus"}).find("unknown argument \"--bogus\"") == 0);
    CHECK(text({"--plan", "a", "--stats", "x", "--stats", "y"}).find("--stats is given twice") == 0);
    CHECK(text({"--plan", "a", "--plan", "b", "--plan", "c"}).find("--plan is given more than twice") == 0);
    CHECK(parse_options({"--plan", "/a/plan", "--stats", "/b/stats"})->lock_path() == "/b/resolver.lock");
    CHECK(parse_options({"--plan", "/a/plan"})->lock_path() == "/a/resolver.lock");
}

TEST_CASE("command line: each file goes to its place", "[options]") {
    const auto options = parse_options({"--stats=s=1", "--plan", "a", "b", "--fallback", "f", "--sockets", "3"});
    REQUIRE(options);
    CHECK(options->paths.plans == std::vector<std::string>{"a", "b"});
    CHECK(options->paths.fallback == "f");
    CHECK(options->stats == "s=1");
    CHECK(options->sockets == 3);
    CHECK_FALSE(options->help);
    CHECK_FALSE(options->version);
    CHECK(parse_options({"--plan", "a"})->sockets == 0);
}

TEST_CASE("command line: the version and the usage can be asked for without a plan", "[options]") {
    for (const char* help : {"--help", "-h"}) {
        const auto options = parse_options({help});
        REQUIRE(options);
        CHECK(options->help);
        CHECK_FALSE(options->version);
    }
    const auto options = parse_options({"--version"});
    REQUIRE(options);
    CHECK(options->version);
    CHECK_FALSE(options->help);
}
