// SPDX-License-Identifier: Apache-2.0
// What one look at the applications' connections costs: opens N connections over loopback, held by other processes, and
// looks at all of them and at none. Run it in a network namespace of its own (tests/e2e/ns.py): as many sockets more are
// the servers' ends. Usage: bench_connections N
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "agent/connections/socket_look.h"

using namespace postern;
using namespace postern::agent;

namespace {

constexpr int kOfProcess = 8000;  // each holds both ends, two descriptors a connection
constexpr std::uint16_t kPort = 443;

core::SocketAddress address(int i) {
    return {core::IpAddress::v4(0x7f010000u + static_cast<std::uint32_t>(i)), kPort};
}

void hold(int process, int connections, int ready, int end) {
    const rlimit most{20000, 20000};
    ::setrlimit(RLIMIT_NOFILE, &most);
    sockaddr_storage to{};
    const socklen_t length = address(process).to(&to);
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0), on = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool good = ::bind(listener, reinterpret_cast<sockaddr*>(&to), length) == 0 && ::listen(listener, SOMAXCONN) == 0;
    for (int i = 0; i < connections && good; ++i) {
        const int client = ::socket(AF_INET, SOCK_STREAM, 0);
        good = ::connect(client, reinterpret_cast<sockaddr*>(&to), length) == 0 &&
               ::accept(listener, nullptr, nullptr) >= 0;
    }
    char byte = good ? '1' : '0';
    (void)!::write(ready, &byte, 1);
    (void)!::read(end, &byte, 1);
    ::_exit(0);
}

void measure(const char* what, const std::vector<ConnectionTarget>& targets) {
    std::vector<Micros> cpu;
    SocketLook look;
    for (int i = 0; i < 9; ++i) {
        look = look_at_sockets(targets);
        if (look.error) {
            fmt::print("{}: {}\n", what, look.error->text());
            return;
        }
        cpu.push_back(look.cpu_us);
    }
    std::sort(cpu.begin(), cpu.end());
    std::uint32_t counted = 0;
    for (const auto& seen : look.targets)
        counted += seen.all.total();
    fmt::print("{}: {} of the kernel's list, {} counted, CPU median {:.1f} ms ({:.1f} to {:.1f}){}\n", what, look.read,
               counted, static_cast<double>(cpu[4]) / 1000, static_cast<double>(cpu.front()) / 1000,
               static_cast<double>(cpu.back()) / 1000, look.complete ? "" : ", cut short");
}

}  // namespace

int main(int argc, char** argv) {
    const int wanted = argc > 1 ? std::atoi(argv[1]) : 50000;
    int ready[2], end[2];
    if (::pipe(ready) != 0 || ::pipe(end) != 0) return 1;
    std::vector<pid_t> children;
    std::vector<ConnectionTarget> all;
    for (int left = wanted, process = 1; left > 0; left -= kOfProcess, ++process) {
        const pid_t pid = ::fork();
        if (pid == 0) {
            ::close(end[1]);
            hold(process, std::min(left, kOfProcess), ready[1], end[0]);
        }
        children.push_back(pid);
        all.push_back({"all", address(process)});
    }
    ::close(end[0]);
    for (std::size_t i = 0; i < children.size(); ++i) {
        char byte = '0';
        if (::read(ready[0], &byte, 1) != 1 || byte != '1') fmt::print("not all connections could be opened\n");
    }
    measure("all", all);
    measure("none, filtered by address", {{"none", address(200)}});
    std::vector<ConnectionTarget> many;
    for (int i = 100; i < 200; ++i)
        many.push_back({"many", address(i)});
    measure("none of 100 addresses, filtered by port", many);
    ::close(end[1]);
    for (const pid_t pid : children)
        ::waitpid(pid, nullptr, 0);
    return 0;
}
