// SPDX-License-Identifier: Apache-2.0
#include "agent/steering/resolver_child.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "core/file_system.h"
#include "core/log.h"

namespace postern::agent {
namespace {

constexpr Micros kFirstRetry = 20 * core::kMillisecond;  // back within 200 ms
constexpr Micros kMaxRetry = core::kSecond;              // retries without limit: it is the host's DNS
constexpr Micros kLivedLong = 100 * core::kMillisecond;  // ran this long: not a broken start
constexpr int kReceiveBuffer = 8 << 20;

core::Result<core::UniqueFd> bind_one(const core::SocketAddress& address, int type) {
    sockaddr_storage storage;
    const socklen_t length = address.to(&storage);
    core::UniqueFd fd(::socket(storage.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int one = 1;
    const auto what = [&] {
        return core::message("cannot listen on {} ({})", address.text(), type == SOCK_DGRAM ? "UDP" : "TCP");
    };
    if (!fd) return core::fail(core::Code::kSocket, what(), {}, errno);
    if (address.ip.is_v6()) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (type == SOCK_STREAM) {
        ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);  // TIME_WAIT of the previous run
    } else {
        // Holds the queries that arrive during a restart. Beyond rmem_max it needs CAP_NET_ADMIN; else the
        // default must do.
        if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer) != 0) {
            ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
        }
    }
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) != 0 ||
        (type == SOCK_STREAM && ::listen(fd.get(), 1024) != 0)) {
        const int error = errno;
        if (error == EADDRINUSE) {
            return core::fail(core::Code::kAddressInUse, what(),
                              "another DNS server has it (ss -lunp shows which); stop it or change [dns] listen",
                              error);
        }
        if (error == EACCES || error == EPERM) {
            return core::fail(core::Code::kPermission, what(),
                              "run as root, give CAP_NET_BIND_SERVICE, or use a port from 1024 up", error);
        }
        return core::fail(core::Code::kSocket, what(), "check [dns] listen: the address must be one of this host",
                          error);
    }
    return fd;
}

}  // namespace

ResolverChild::ResolverChild(core::Loop& loop, core::Clock& clock, core::Random& random, Options options)
    : loop_(loop),
      clock_(clock),
      random_(random),
      options_(std::move(options)),
      retry_(clock),
      backoff_(kFirstRetry, kMaxRetry) {}

ResolverChild::~ResolverChild() = default;

core::Result<void> ResolverChild::start() {
    const pid_t living = core::LockFile::holder(options_.paths.resolver_lock);
    if (living > 0) {
        core::log_info("resolver_adopted", "a resolver is already running and is kept",
                       {{"pid", std::to_string(living)}});
        watch(living);
        if (watch_.active()) return {};
    }
    if (auto bound = bind_sockets(); !bound) return bound;
    return spawn();
}

core::Result<void> ResolverChild::bind_sockets() {
    std::map<SocketKey, core::UniqueFd> bound;
    for (const auto& address : options_.listen) {
        for (const int type : {SOCK_DGRAM, SOCK_STREAM}) {
            if (sockets_.count({address, type}) != 0) continue;
            auto fd = bind_one(address, type);
            if (!fd) return core::fail(fd.error());
            bound.emplace(SocketKey{address, type}, std::move(*fd));
        }
    }
    std::erase_if(sockets_, [this](const auto& s) {
        return std::find(options_.listen.begin(), options_.listen.end(), s.first.first) == options_.listen.end();
    });
    sockets_.merge(bound);
    return {};
}

core::Result<void> ResolverChild::spawn() {
    core::ChildSpec spec;
    // Its lines go where ours go.
    if (const char* stream = std::getenv("JOURNAL_STREAM"))
        spec.environment.push_back(std::string("JOURNAL_STREAM=") + stream);
    spec.argv = {options_.program,
                 "--plan",
                 options_.paths.current_plan,
                 "--plan",
                 options_.paths.durable_plan,
                 "--stats",
                 options_.paths.stats,
                 "--fallback",
                 options_.paths.fallback,
                 "--sockets",
                 std::to_string(sockets_.size())};
    for (const auto& [key, fd] : sockets_)
        spec.fds.push_back(fd.get());
    started_mono_us_ = clock_.mono_us();
    auto pid = core::start_child(spec);
    if (!pid) {
        core::Error error = pid.error();
        error.hint = "install postern-resolver beside postern or in ../sbin";
        return core::fail(std::move(error));
    }
    core::log_info("resolver_started", "postern-resolver runs", {{"pid", std::to_string(*pid)}});
    watch(*pid);
    problem_.clear();
    return {};
}

void ResolverChild::watch(pid_t pid) {
    auto started = watch_.start(loop_, pid, [this] { ended(); });
    if (!started) ended();
}

void ResolverChild::ended() {
    if (stopping_) return;
    problem_ = "postern-resolver ended and is being started again";
    core::log_error("resolver_ended", problem_, {{"pid", std::to_string(watch_.pid())}});
    if (clock_.mono_us() - started_mono_us_ > kLivedLong) backoff_.reset();
    // A resolver that ran is restarted at once; one that fails at its start is retried with growing pauses.
    const Micros delay = backoff_.fresh() ? 0 : backoff_.next(random_);
    if (delay == 0) backoff_.next(random_);
    start_again_in(delay);
}

void ResolverChild::start_again_in(Micros delay) {
    retry_.start_in(delay, [this] {
        ++restarts_;
        core::Result<void> again = {};
        if (sockets_.empty()) again = bind_sockets();  // an adopted resolver took its sockets with it
        if (again) again = spawn();
        if (again) return;
        problem_ = again.error().whole();
        core::log_error("resolver_start_failed", problem_);
        start_again_in(backoff_.next(random_));
    });
}

core::Result<void> ResolverChild::listen_on(const std::vector<core::SocketAddress>& listen) {
    if (listen == options_.listen) return {};
    const auto before = std::exchange(options_.listen, listen);
    if (!sockets_.empty()) {
        if (auto bound = bind_sockets(); !bound) {
            options_.listen = before;
            return bound;
        }
    }
    watch_.signal(SIGTERM);  // ended() restarts it with the new sockets
    return {};
}

void ResolverChild::shut_down() {
    stopping_ = true;
    retry_.stop();
    if (watch_.signal(SIGTERM)) {
        const Micros deadline = clock_.mono_us() + core::kSecond;
        const pid_t pid = watch_.pid();
        // A child is reaped; an adopted one is watched through its lock.
        while (clock_.mono_us() < deadline && core::LockFile::holder(options_.paths.resolver_lock) == pid) {
            ::usleep(2000);
        }
        if (core::LockFile::holder(options_.paths.resolver_lock) == pid) watch_.signal(SIGKILL);
        ::waitpid(pid, nullptr, WNOHANG);
    }
    watch_.stop();
    sockets_.clear();
}

std::string find_resolver_program() {
    if (const char* given = std::getenv("POSTERN_RESOLVER"); given != nullptr && *given != '\0') return given;
    const std::string folder = core::program_folder();
    const std::string beside = folder + "/postern-resolver";
    if (::access(beside.c_str(), X_OK) == 0) return beside;
    const std::string sbin = folder + "/../sbin/postern-resolver";
    if (::access(sbin.c_str(), X_OK) == 0) return sbin;
    return beside;
}

}  // namespace postern::agent
