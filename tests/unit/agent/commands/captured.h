// SPDX-License-Identifier: Apache-2.0
// A command, run in this process with what it prints caught: as main() runs it, without the program around it.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "agent/commands/cli.h"
#include "agent/config/paths.h"
#include "core/fd.h"
#include "core/file_system.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

namespace postern::test {

struct Printed {
    int code = -1;
    std::string out, err;
};

/// Takes a descriptor's place while it lives.
class Caught {
  public:
    Caught(int fd, const std::string& path) : fd_(fd), before_(::dup(fd)) {
        const core::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        REQUIRE(::dup2(file.get(), fd) == fd);
    }
    ~Caught() { ::dup2(before_.get(), fd_); }
    Caught(const Caught&) = delete;
    Caught& operator=(const Caught&) = delete;

  private:
    int fd_;
    core::UniqueFd before_;
};

template <class Command>
Printed run(const Command& command) {
    const TempFolder folder;
    Printed printed;
    std::fflush(nullptr);
    {
        const Caught out(STDOUT_FILENO, folder / "out"), err(STDERR_FILENO, folder / "err");
        printed.code = agent::run_command(command);
        std::fflush(nullptr);
    }
    printed.out = core::read_file(folder / "out", 64u << 20).value();
    printed.err = core::read_file(folder / "err", 1 << 20).value();
    return printed;
}

inline bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// Nothing that a terminal would take for more than text.
inline bool harmless(const std::string& text) {
    for (const char c : text) {
        if ((c >= 0 && c < ' ' && c != '\n') || c == 0x7f) return false;
    }
    return true;
}

/// A folder with a configuration whose files lie below it.
struct Host {
    TempFolder folder;
    std::string file = folder / "postern.toml";

    explicit Host(const std::string& more = "") {
        REQUIRE(core::make_folders(folder / "state", 0700));
        REQUIRE(core::make_folders(folder / "run", 0700));
        configure(more);
    }
    void configure(const std::string& more) const {
        write(file,
              "[agent]\nstate_dir = \"" + folder / "state" + "\"\nruntime_dir = \"" + folder / "run" + "\"\n" + more);
    }
    static void write(const std::string& path, const std::string& text) {
        REQUIRE(core::write_file(path, core::as_bytes(text), 0600, false));
    }
    agent::Config config() const {
        auto config = agent::load_config(file);
        REQUIRE(config);
        return std::move(*config);
    }
};

}  // namespace postern::test
