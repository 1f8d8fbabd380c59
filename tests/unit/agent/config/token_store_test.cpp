// SPDX-License-Identifier: Apache-2.0
#include "agent/config/token_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "core/file_system.h"
#include "core/log.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;
using core::Code;

namespace {

constexpr const char* kEnv = "POSTERN_TEST_TOKEN";

/// An environment variable for the time of a test.
class Variable {
  public:
    explicit Variable(const std::string& value) { ::setenv(kEnv, value.c_str(), 1); }
    ~Variable() { ::unsetenv(kEnv); }
};

void put(const std::string& path, std::string_view text) {
    REQUIRE(core::write_file(path, core::as_bytes(text), 0600, false));
}

Config config_of(std::vector<std::pair<std::string, TokenSource>> links) {
    Config out;
    for (auto& [name, source] : links) {
        LinkConfig link;
        link.name = name;
        link.token = source;
        out.links.push_back(std::move(link));
    }
    return out;
}

struct Bench {
    test::TempFolder folder;
    std::string file = folder / "a.token";
    core::Loop loop;
    test::FakeClock clock;
    std::vector<std::string> changed;
    std::vector<std::string> log;
    std::unique_ptr<TokenStore> store =
        std::make_unique<TokenStore>(loop, clock, [this](const std::string& link) { changed.push_back(link); });

    Bench() {
        core::capture_log([this](core::Level, std::string_view event, const std::string& line) {
            log.push_back(std::string(event) + " " + line);
        });
    }
    ~Bench() {
        store.reset();
        CHECK(loop.close());
        core::capture_log({});
    }
    std::string token(const std::string& link = "a") const { return store->token(link).expose(); }
    void reread() {
        clock.advance(core::kSecond);
        store->reread("a");
    }
    void see_change() { clock.advance(core::kSecond); }
};

}  // namespace

TEST_CASE("token: one line of printable characters, trimmed", "[token_store]") {
    const test::TempFolder folder;
    const std::string file = folder / "token";
    for (const char* text : {"abc123", "abc123\n", "\r\n\t abc123 \r\n\n"}) {
        put(file, text);
        const auto token = read_token({file, ""});
        REQUIRE(token);
        CHECK(token->expose() == "abc123");
    }
    put(file, "!\"#$%&'~");
    CHECK(read_token({file, ""})->expose() == "!\"#$%&'~");
}

TEST_CASE("token: what no token can be is refused, and never repeated", "[token_store]") {
    using namespace std::string_view_literals;
    const test::TempFolder folder;
    const std::string file = folder / "token";
    const std::string_view bad[] = {"",
                                    "\n",
                                    " \t\r\n",
                                    "abc 123",
                                    "abc\n123",
                                    "abc\tdef",
                                    "abc\0def"sv,
                                    "\0"sv,
                                    "\xef\xbb\xbf"
                                    "abc",
                                    "abc\x7f",
                                    "abc\xff",
                                    "\xe4\xbb\xa4\xe7\x89\x8c"};
    for (const auto text : bad) {
        INFO(text);
        put(file, text);
        const auto token = read_token({file, ""});
        REQUIRE_FALSE(token);
        CHECK(token.error().code == Code::kConfigBadValue);
        CHECK_FALSE(token.error().hint.empty());
        CHECK(token.error().text().find(file) != std::string::npos);
        CHECK(token.error().text().find("abc") == std::string::npos);
    }
}

TEST_CASE("token: more than 4096 bytes is none, from a file or the environment", "[token_store]") {
    const test::TempFolder folder;
    const std::string file = folder / "token", longest(4096, 'x'), larger(4097, 'x');
    put(file, longest);
    CHECK(read_token({file, ""}));
    put(file, larger);
    CHECK(read_token({file, ""}).error().code == Code::kTooLarge);
    {
        const Variable variable(longest);
        CHECK(read_token({"", kEnv}));
    }
    const Variable variable(larger);
    const auto token = read_token({"", kEnv});
    REQUIRE_FALSE(token);
    CHECK(token.error().code == Code::kTooLarge);
}

TEST_CASE("token: the environment, where it is set", "[token_store]") {
    ::unsetenv(kEnv);
    const auto missing = read_token({"", kEnv});
    REQUIRE_FALSE(missing);
    CHECK(missing.error().what.find(kEnv) != std::string::npos);
    {
        const Variable variable(" abc ");
        CHECK(read_token({"", kEnv})->expose() == "abc");
    }
    const Variable variable("");
    CHECK(read_token({"", kEnv}).error().code == Code::kConfigBadValue);
}

TEST_CASE("token: what is no readable file is an error at once, with the next step", "[token_store]") {
    const test::TempFolder folder;
    const std::string fifo = folder / "fifo", loop = folder / "loop", link = folder / "link", file = folder / "file";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    REQUIRE(::symlink(loop.c_str(), loop.c_str()) == 0);
    for (const std::string& path : {folder / "none", folder.path(), fifo, loop, std::string("/dev/zero")}) {
        INFO(path);
        const auto token = read_token({path, ""});
        REQUIRE_FALSE(token);
        CHECK_FALSE(token.error().hint.empty());
    }
    put(file, "abc");
    REQUIRE(::symlink(file.c_str(), link.c_str()) == 0);  // as Kubernetes mounts secrets
    CHECK(read_token({link, ""}));
}

TEST_CASE("token store: a link has its token, or why it has none", "[token_store]") {
    Bench b;
    put(b.file, "abc123");
    b.store->configure(config_of({{"a", {b.file, ""}}, {"b", {b.folder / "none", ""}}, {"c", {}}}));
    CHECK(b.token("a") == "abc123");
    CHECK(b.store->problem("a").empty());
    CHECK(b.token("b").empty());
    CHECK(b.store->problem("b").find("TDengine Cloud token") != std::string::npos);
    for (const char* link : {"c", "nobody", ""}) {
        CHECK(b.token(link).empty());
        CHECK(b.store->problem(link).empty());
    }
    CHECK(b.changed.empty());
    REQUIRE(b.log.size() == 1);
    CHECK(b.log[0].starts_with("token_unreadable "));
}

TEST_CASE("token store: read again after a 401, at most once a second", "[token_store]") {
    Bench b;
    const Variable first("first");
    b.store->configure(config_of({{"a", {"", kEnv}}}));
    const Variable second("second");
    b.clock.advance(core::kSecond - 1);
    b.store->reread("a");
    CHECK(b.token() == "first");
    b.clock.advance(1);
    b.store->reread("a");
    CHECK(b.token() == "second");
    CHECK(b.changed == std::vector<std::string>{"a"});
    b.reread();
    CHECK(b.changed.size() == 1);  // the same again is no change
    b.store->reread("nobody");
}

TEST_CASE("token store: a file that is gone or damaged leaves the token as it was, and says so once", "[token_store]") {
    Bench b;
    put(b.file, "abc123");
    b.store->configure(config_of({{"a", {b.file, ""}}}));
    REQUIRE(::unlink(b.file.c_str()) == 0);
    b.reread();
    CHECK(b.token() == "abc123");
    CHECK_FALSE(b.store->problem("a").empty());
    CHECK(b.changed.size() == 1);
    b.reread();
    CHECK(b.changed.size() == 1);
    CHECK(b.log.size() == 1);
    put(b.file, "abc 123");
    b.reread();
    CHECK(b.token() == "abc123");
    CHECK(b.changed.size() == 2);  // another reason
    put(b.file, "abc123");
    b.reread();
    CHECK(b.store->problem("a").empty());
    CHECK(b.changed.size() == 3);
}

TEST_CASE("token store: a reload while the file is being replaced keeps the token of the same file", "[token_store]") {
    Bench b;
    put(b.file, "abc123");
    const Config config = config_of({{"a", {b.file, ""}}});
    b.store->configure(config);
    REQUIRE(::unlink(b.file.c_str()) == 0);
    b.store->configure(config);
    CHECK(b.token() == "abc123");
    CHECK_FALSE(b.store->problem("a").empty());
    b.store->configure(config_of({{"a", {b.folder / "other", ""}}}));
    CHECK(b.token().empty());  // of another file it is not
    b.store->configure(config_of({}));
    CHECK(b.token().empty());
    CHECK(b.store->problem("a").empty());
}

TEST_CASE("token store: a file that is replaced, rewritten or moved behind a link is read again", "[token_store]") {
    Bench b;
    namespace fs = std::filesystem;
    fs::create_directory(b.folder / "one");
    fs::create_directory(b.folder / "two");
    put(b.folder / "one/a.token", "first");
    put(b.folder / "two/a.token", "second");
    fs::create_symlink("one", b.folder / "..data");
    fs::create_symlink("..data/a.token", b.file);
    b.store->configure(config_of({{"a", {b.file, ""}}, {"c", {}}}));
    REQUIRE(b.token() == "first");
    fs::create_symlink("two", b.folder / "..tmp");  // as the kubelet does it
    fs::rename(b.folder / "..tmp", b.folder / "..data");
    b.see_change();
    CHECK(b.token() == "second");
    put(b.file, "third");  // by rename
    b.see_change();
    CHECK(b.token() == "third");
    CHECK(b.changed == std::vector<std::string>{"a", "a"});
}

TEST_CASE("token store: a link in another folder on the way to the file is exchanged", "[token_store]") {
    Bench b;
    namespace fs = std::filesystem;
    for (const char* place : {"one", "two", "way"})
        fs::create_directory(b.folder / place);
    put(b.folder / "one/a.token", "first");
    put(b.folder / "two/a.token", "second");
    fs::create_symlink("../one", b.folder / "way/current");
    fs::create_symlink("way/current/a.token", b.file);
    b.store->configure(config_of({{"a", {b.file, ""}}}));
    REQUIRE(b.token() == "first");
    fs::create_symlink("../two", b.folder / "way/next");
    fs::rename(b.folder / "way/next", b.folder / "way/current");
    b.see_change();
    CHECK(b.token() == "second");
}
