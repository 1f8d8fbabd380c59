// postern-resolver: the program that holds port 53. Reads a plan, answers from it, forwards the rest. No
// secrets, no configuration, no cloud. One thread.
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include "core/file_system.h"
#include "core/log.h"
#include "core/service_notify.h"
#include "resolver/canary.h"
#include "resolver/options.h"
#include "resolver/server.h"

namespace {

using namespace postern;

constexpr int kExitFailed = 2;
constexpr int kExitUsage = 3;

/// No core, no ptrace by others of the same user; as many descriptors as we may have (one an upstream query).
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

/// A query is microseconds of work. With short turns it need not wait until another program's turn, which may be
/// milliseconds long, is over (Linux 6.12 and later; older ones take no notice). Where it is forbidden all else is as before.
void ask_for_short_turns() {
    struct {
        std::uint32_t size = 48, policy = SCHED_OTHER;
        std::uint64_t flags = 0;
        std::int32_t nice = ::getpriority(PRIO_PROCESS, 0);
        std::uint32_t priority = 0;
        std::uint64_t turn_ns = 100'000, deadline_ns = 0, period_ns = 0;  // the shortest that Linux knows
    } wish;  // struct sched_attr; glibc has none before 2.41
    static_assert(sizeof wish == 48);
    (void)::syscall(SYS_sched_setattr, 0, &wish, 0);
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
            canary.emplace(loop, clock, random, server, period_us,
                           [] { core::notify_service("WATCHDOG=1"); });
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
        core::log_error("handle_leak", "a handle was left open at the end: a bug");
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
    ask_for_short_turns();
    return run(*options);
}
