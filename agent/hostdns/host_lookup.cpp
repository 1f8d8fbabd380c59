// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/host_lookup.h"

#include <fcntl.h>
#include <netdb.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>

#include "core/fd.h"

namespace postern::agent {
namespace {

/// In the child: prints the addresses, one per line; the exit code is the result.
[[noreturn]] void look_up_and_exit(const std::string& name, core::Micros patience, int out) {
    ::alarm(static_cast<unsigned>(std::max<core::Micros>(patience / core::kSecond, 1)));
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int rc = ::getaddrinfo(name.c_str(), nullptr, &hints, &found);
    std::string text;
    for (const addrinfo* a = found; rc == 0 && a != nullptr && text.size() < 4000; a = a->ai_next) {
        if (const auto address = core::SocketAddress::from(a->ai_addr)) text += address->ip.text() + "\n";
    }
    const bool written = ::write(out, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    const bool no_such = rc == EAI_NONAME || rc == EAI_NODATA;
    _exit(static_cast<int>(!written || (rc != 0 && !no_such) ? SystemLookup::Outcome::kFailed
                           : no_such                         ? SystemLookup::Outcome::kNoSuchName
                                                             : SystemLookup::Outcome::kAnswered));
}

}  // namespace

SystemLookup look_up_as_programs_do(const std::string& name, core::Micros patience) {
    SystemLookup result;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return result;
    const core::UniqueFd in(ends[0]);
    core::UniqueFd out(ends[1]);
    const pid_t pid = ::fork();
    if (pid < 0) return result;
    if (pid == 0) look_up_and_exit(name, patience, out.get());
    out.reset();
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status)) return result;
    result.outcome = static_cast<SystemLookup::Outcome>(WEXITSTATUS(status));
    char buffer[4096];
    const ssize_t size = ::read(in.get(), buffer, sizeof buffer);  // fits into the pipe, so it is complete
    std::istringstream lines(std::string(buffer, static_cast<std::size_t>(std::max<ssize_t>(size, 0))));
    for (std::string line; std::getline(lines, line);) {
        if (const auto ip = core::IpAddress::parse(line)) result.addresses.push_back(*ip);
    }
    std::sort(result.addresses.begin(), result.addresses.end());
    return result;
}

}  // namespace postern::agent
