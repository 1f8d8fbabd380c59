// SPDX-License-Identifier: Apache-2.0
// The program postern-free: ends lost connections for the agent, which has no right to. See postern-free(8).
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include "agent/freeing/free_service.h"
#include "core/journal_priority.h"

namespace {

using namespace postern;

constexpr int kExitFailed = 2;
constexpr int kExitUsage = 3;
constexpr core::Micros kIdle = core::kMinute;

const char* const kUsage =
    "usage: postern-free [--plan FILE] [--listen PATH]\n"
    "\n"
    "Ends the connections of this host's applications that are lost at an address that postern has withdrawn.\n"
    "Asked by the agent, through a socket; needs CAP_NET_ADMIN and nothing else.\n"
    "\n"
    "  --plan FILE    the agent's plan: what it does not allow is refused (default /run/postern/plan)\n"
    "  --listen PATH  a socket to listen on, without systemd; it then runs until a signal ends it\n"
    "  --version      print the version\n"
    "  --help         print this\n"
    "\n"
    "Exit codes: 0 nobody asked for a minute, 2 failed, 3 wrong usage. See postern-free(8).\n";

}  // namespace

int main(int argc, char** argv) {
    std::string plan = "/run/postern/plan", listen;
    for (int i = 1; i < argc; ++i) {
        const std::string key = argv[i];
        if (key == "--help" || key == "-h") return std::fputs(kUsage, stdout) < 0 ? kExitFailed : 0;
        if (key == "--version") return std::puts("postern-free " POSTERN_VERSION) < 0 ? kExitFailed : 0;
        if ((key != "--plan" && key != "--listen") || i + 1 == argc) {
            std::fprintf(stderr, "postern-free: unexpected argument \"%s\": run postern-free --help\n", argv[i]);
            return kExitUsage;
        }
        (key == "--plan" ? plan : listen) = argv[++i];
    }
    ::prctl(PR_SET_DUMPABLE, 0);
    std::signal(SIGPIPE, SIG_IGN);
    const auto listener = agent::free_listener(listen);
    if (!listener) {
        std::fprintf(stderr, "%spostern-free: %s\n", core::journal_priority(STDERR_FILENO, core::Level::kError).data(),
                     listener.error().text().c_str());
        return kExitFailed;
    }
    agent::serve_free_requests(listener->get(), plan, listen.empty() ? kIdle : 0);
    return 0;
}
