// SPDX-License-Identifier: Apache-2.0
// The program postern-rescue: gives this host its own DNS back when nothing answers for postern. See postern-rescue(8).
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include "agent/config/paths.h"
#include "agent/hostdns/rescue.h"
#include "agent/hostdns/served.h"
#include "agent/hostdns/takeover_lock.h"
#include "agent/hostdns/takeover_outside.h"
#include "core/log.h"

namespace {

using namespace postern;

constexpr int kExitFailed = 2;
constexpr int kExitUsage = 3;

const char* const kUsage =
    "usage: postern-rescue [--state-dir DIR] [--runtime-dir DIR] [--give-back]\n"
    "\n"
    "Watches whether anything answers where this host asks for names. If nothing does, and postern dns enable made it\n"
    "ask there, the host gets its own DNS back until postern answers again. Runs as root until a signal ends it.\n"
    "\n"
    "  --state-dir DIR    [agent] state_dir of postern.toml (default /var/lib/postern)\n"
    "  --runtime-dir DIR  [agent] runtime_dir of postern.toml (default /run/postern)\n"
    "  --give-back        give the host its own DNS back now, and end\n"
    "  --version          print the version\n"
    "  --help             print this\n"
    "\n"
    "Exit codes: 0 given back, or nothing was taken over; 2 failed, 3 wrong usage. See postern-rescue(8).\n";

core::Result<void> locked(const agent::Paths& paths, const std::function<core::Result<void>()>& work) {
    const auto lock = agent::lock_takeover(paths.hostdns_lock);
    return lock ? work() : core::fail(lock.error());
}

agent::TakeoverHooks hooks_of(const agent::Paths& paths, std::function<void(const core::Message&)> say) {
    agent::TakeoverHooks hooks = agent::real_hooks(std::move(say));
    hooks.served = [path = paths.fallback] { return agent::read_served(path); };
    return hooks;
}

int give_back(const agent::Paths& paths) {
    const auto host = agent::HostSystem::real();
    const auto hooks = hooks_of(paths, [](const std::string& line) { std::puts(line.c_str()); });
    agent::Takeover takeover(*host, agent::JournalFile(paths.hostdns), hooks);
    const auto done = locked(paths, [&] { return takeover.disable(false); });
    if (!done) std::fprintf(stderr, "postern-rescue: %s\n", done.error().text().c_str());
    return done ? 0 : kExitFailed;
}

[[noreturn]] void watch(const agent::Paths& paths) {
    const auto host = agent::HostSystem::real();
    const auto hooks = hooks_of(paths, [](const std::string& line) { core::log_info("hostdns", line); });
    agent::Rescue rescue(
        *host, agent::JournalFile(paths.hostdns), hooks,
        [&](const agent::Rescue::Change& work) { return locked(paths, work); },
        [&](const agent::PathLook& seen) { (void)agent::save_path_look(paths.host_path, seen); });
    for (;;)
        hooks.pause(rescue.look());
}

}  // namespace

int main(int argc, char** argv) {
    agent::AgentConfig folders;
    bool only_give_back = false;
    for (int i = 1; i < argc; ++i) {
        const std::string key = argv[i];
        if (key == "--help" || key == "-h") return std::fputs(kUsage, stdout) < 0 ? kExitFailed : 0;
        if (key == "--version") return std::puts("postern-rescue " POSTERN_VERSION) < 0 ? kExitFailed : 0;
        if (key == "--give-back") {
            only_give_back = true;
            continue;
        }
        if ((key != "--state-dir" && key != "--runtime-dir") || i + 1 == argc) {
            std::fprintf(stderr, "postern-rescue: unexpected argument \"%s\": run postern-rescue --help\n", argv[i]);
            return kExitUsage;
        }
        (key == "--state-dir" ? folders.state_dir : folders.runtime_dir) = argv[++i];
    }
    std::signal(SIGPIPE, SIG_IGN);
    const agent::Paths paths = agent::paths_of(folders);
    if (only_give_back) return give_back(paths);
    watch(paths);
}
