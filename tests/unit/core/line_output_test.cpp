// SPDX-License-Identifier: Apache-2.0
#include "core/line_output.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "core/file_system.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using core::LineOutput;
using core::UniqueFd;

namespace {

struct Ends {
    UniqueFd read, write;
};

Ends pipe_ends() {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::string read_all(int fd) {
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    std::string text;
    char buffer[65536];
    for (ssize_t n = 0; (n = ::read(fd, buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(n));
    return text;
}

/// Lines of `size` bytes until one is not written; returns how many were.
int fill(LineOutput& output, std::size_t size) {
    const std::string line = std::string(size - 1, 'x') + '\n';
    int count = 0;
    while (count < 1'000'000 && output.write(line))
        ++count;
    return count;
}

bool blocking(int fd) {
    return (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
}

/// After a line that was written in part the next one begins on a line of its own.
void check_full_then_read(LineOutput& output, int read_end, std::size_t size) {
    const int written = fill(output, size);
    CHECK(written > 0);
    CHECK_FALSE(output.write(std::string(size, 'd') + '\n'));
    const std::string before = read_all(read_end);
    CHECK(before.size() >= static_cast<std::size_t>(written) * size);
    CHECK(output.write("again\n"));
    const std::string text = before + read_all(read_end);
    CHECK(text.ends_with("\nagain\n"));
}

}  // namespace

TEST_CASE("line output: a full pipe drops lines, and its flags, which others share, stay", "[line_output]") {
    const std::size_t size = GENERATE(100, 4096, 5000);
    const Ends pipe = pipe_ends();
    LineOutput output(pipe.write.get());
    check_full_then_read(output, pipe.read.get(), size);
    CHECK(blocking(pipe.write.get()));
}

TEST_CASE("line output: a pipe of another user, which can't be opened again", "[line_output]") {
    if (::geteuid() != 0) return;
    const std::size_t size = GENERATE(100, 4096, 5000);
    const Ends pipe = pipe_ends();
    const pid_t child = ::fork();
    if (child == 0) {
        if (::setresuid(65534, 65534, 65534) != 0) ::_exit(9);
        const bool refused = ::open(("/proc/self/fd/" + std::to_string(pipe.write.get())).c_str(), O_WRONLY) < 0;
        LineOutput output(pipe.write.get());
        const int written = fill(output, size);
        const bool full = !output.write(std::string(size, 'd') + '\n');
        const std::string text = read_all(pipe.read.get());
        const bool again = output.write("again\n");
        const bool ends = (text + read_all(pipe.read.get())).ends_with("\nagain\n");
        ::_exit(refused && written > 0 && full && again && ends ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(blocking(pipe.write.get()));
}

TEST_CASE("line output: a stream socket, as of journald", "[line_output]") {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    const UniqueFd near(ends[0]);
    UniqueFd far(ends[1]);
    LineOutput output(near.get());
    check_full_then_read(output, far.get(), 200);
    CHECK(blocking(near.get()));
    far.reset();
    CHECK_FALSE(output.write("nobody\n"));  // and no SIGPIPE
}

TEST_CASE("line output: a terminal that is stopped", "[line_output]") {
    const UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(master);
    REQUIRE(::grantpt(master.get()) == 0);
    REQUIRE(::unlockpt(master.get()) == 0);
    const UniqueFd terminal(::open(::ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(terminal);
    LineOutput output(terminal.get());
    CHECK(fill(output, 100) > 0);
    CHECK_FALSE(output.write(std::string(99, 'd') + '\n'));
    CHECK(read_all(master.get()).size() > 100);
    CHECK(output.write("again\n"));
    CHECK(blocking(terminal.get()));
}

TEST_CASE("line output: a file gets all of it, at the offset that others share", "[line_output]") {
    test::TempFolder folder;
    const UniqueFd file(::open((folder / "log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    LineOutput output(file.get());
    CHECK(output.write("one\n"));
    REQUIRE(::write(file.get(), "two\n", 4) == 4);
    CHECK(output.write("three\n"));
    CHECK(core::read_file(folder / "log", 100).value() == "one\ntwo\nthree\n");
}
