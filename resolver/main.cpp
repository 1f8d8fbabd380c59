// SPDX-License-Identifier: Apache-2.0
// The program postern-resolver: start-up, signals, exit code.
#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include "core/file_system.h"
#include "core/log.h"
#include "core/scheduling.h"
#include "core/service_notify.h"
#include "resolver/canary.h"
#include "resolver/options.h"
#include "resolver/server.h"

namespace {

using namespace postern;

constexpr int kExitFailed = 2;
constexpr int kExitUsage = 3;

/// No core dump, no ptrace by the same user; as many descriptors as allowed (each upstream query needs one).
void harden() {
    ::prctl(PR_SET_DUMPABLE, 0);
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &files);
    }
    std::signal(SIGPIPE, SIG_IGN);
}

class Signals {
  public:
    Signals(core::Loop& loop, resolver::Server& server) : loop_(loop), server_(server) {
        start(term_, SIGTERM);
        start(interrupt_, SIGINT);
        start(hangup_, SIGHUP);
    }

  private:
    using Handle = core::UvHandle<uv_signal_t, Signals>;
    void start(Handle& handle, int number) {
        handle.open(this, [&](uv_signal_t* h) { return uv_signal_init(loop_.raw(), h); });
        uv_signal_start(
            handle.get(),
            [](uv_signal_t* h, int signal) {
                Signals* self = Handle::owner(h);
                if (self == nullptr) return;
                if (signal == SIGHUP)
                    self->server_.reload();
                else
                    self->loop_.stop();
            },
            number);
    }

    core::Loop& loop_;
    resolver::Server& server_;
    Handle term_, interrupt_, hangup_;
};

int run(const resolver::Options& options) {
    const auto lock = core::LockFile::acquire(options.lock_path());
    if (!lock) {
        core::log_error("lock_failed", lock.error().text());
        return kExitFailed;
    }
    core::Loop loop;
    int exit_code = 0;
    {
        core::SystemClock clock(loop);
        core::SystemRandom random;
        resolver::ServerSettings settings;
        settings.paths = options.paths;
        settings.stats_path = options.stats;
        settings.sockets = resolver::take_passed_sockets(options.sockets);
        resolver::Server server(loop, clock, random, std::move(settings));
        const Signals signals(loop, server);
        std::optional<resolver::Canary> canary;
        if (const core::Micros period_us = core::watchdog_period_us(); period_us > 0) {
            canary.emplace(loop, clock, random, server, period_us, [] { core::notify_service("WATCHDOG=1"); });
        }
        if (server.start()) {
            core::notify_service("READY=1");
            if (canary) canary->start();
            loop.run();
            core::notify_service("STOPPING=1");
        } else {
            exit_code = kExitFailed;
        }
    }
    if (!loop.close()) {
        core::log_error("handle_leak", "a handle is still open at the end, which is a bug");
#ifndef NDEBUG
        std::abort();
#endif
    }
    return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
    const auto options = resolver::parse_options({argv + 1, argv + argc});
    if (!options) {
        std::fprintf(stderr, "postern-resolver: %s\n", options.error().text().c_str());
        return kExitUsage;
    }
    if (options->help) {
        std::fputs(resolver::kUsageText, stdout);
        return 0;
    }
    if (options->version) {
        std::puts("postern-resolver " POSTERN_VERSION);
        return 0;
    }
    harden();
    core::set_time_slice(100);  // µs; a query takes less
    return run(*options);
}
