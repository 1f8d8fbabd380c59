// SPDX-License-Identifier: Apache-2.0
// The program postern.
#include <fcntl.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <variant>

#include "agent/client/console.h"
#include "agent/commands/cli.h"
#include "core/loop.h"
#include "core/printable.h"
#include "core/secret.h"
#include "probe/tls_memory.h"

namespace {

/// The process holds tokens and keys: no core file, and no debugger by the same user, from the first instruction.
void keep_memory_private() {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/// A closed descriptor would be given to the next file or socket, and output would go there. What is written to these fails.
void fill_standard_descriptors() {
    for (int fd = 0; fd < 3; ++fd) {
        if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF) (void)::open("/dev/null", O_RDONLY);
    }
}

/// The few threads of the pool allocate seldom: a heap for each of them would be half a megabyte that nobody uses.
void share_one_heap() {
#ifdef __GLIBC__
    (void)::mallopt(M_ARENA_MAX, 1);
#endif
}

}  // namespace

int main(int argc, char** argv) {
    keep_memory_private();
    fill_standard_descriptors();
    share_one_heap();
    (void)postern::probe::use_tls_memory();
    std::signal(SIGPIPE, SIG_IGN);
    try {
        const auto command = postern::agent::parse_command_line(argc, argv, postern::core::now_wall_us());
        const int code = std::visit([](const auto& c) { return postern::agent::run_command(c); }, command);
        return postern::agent::output_lost() ? postern::agent::kExitUnknown : code;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "postern: internal error: %s\n",
                     postern::core::printable(postern::core::redact(error.what())).c_str());
        return postern::agent::kExitUnknown;
    }
}
