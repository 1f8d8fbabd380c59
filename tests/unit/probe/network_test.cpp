// SPDX-License-Identifier: Apache-2.0
// Network faults, simulated by the test behind a TUN device in its own network namespace. Nothing leaves the host.
// Without namespaces or /dev/net/tun these tests print that and pass.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>

#include "core/bytes.h"
#include "core/loop.h"
#include "probe/probe_run.h"
#include "tests/unit/catch.h"
#include "tests/unit/probe/fake_gateway.h"

using namespace postern;
using namespace postern::probe;

namespace {

constexpr const char* kUnavailable = "unavailable";

bool write_text(const char* path, const std::string& text) {
    std::ofstream file(path);
    file << text;
    file.close();
    return !file.fail();
}

bool set_up(const char* name, const char* address) {
    const core::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    const auto put = [&](const char* text) {
        auto* in = reinterpret_cast<sockaddr_in*>(&request.ifr_addr);
        *in = {};
        in->sin_family = AF_INET;
        ::inet_pton(AF_INET, text, &in->sin_addr);
    };
    if (address != nullptr) {
        put(address);
        if (::ioctl(fd.get(), SIOCSIFADDR, &request) != 0) return false;
        put("255.255.255.0");
        if (::ioctl(fd.get(), SIOCSIFNETMASK, &request) != 0) return false;
    }
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    return ::ioctl(fd.get(), SIOCSIFFLAGS, &request) == 0;
}

/// The other end of 10.7.7.1/24: reads our packets and answers as the network would.
class Tun {
  public:
    bool open() {
        fd_.reset(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
        ifreq request{};
        request.ifr_flags = IFF_TUN | IFF_NO_PI;
        std::strcpy(request.ifr_name, "net0");
        return fd_ && ::ioctl(fd_.get(), TUNSETIFF, &request) == 0 && set_up("net0", "10.7.7.1");
    }
    /// Receives the SYN.
    bool take_syn() {
        for (int i = 0; i < 100; ++i) {
            pollfd p{fd_.get(), POLLIN, 0};
            if (::poll(&p, 1, 1000) <= 0) return false;
            std::uint8_t buffer[2048];
            const ssize_t n = ::read(fd_.get(), buffer, sizeof buffer);
            if (n >= 40 && buffer[0] >> 4 == 4 && buffer[9] == IPPROTO_TCP && (buffer[33] & 0x02) != 0) {
                syn_.assign(buffer, buffer + n);
                return true;
            }
        }
        return false;
    }
    /// RFC 792 destination unreachable: 0 net, 1 host, 3 port, 13 prohibited; from a router on the path.
    void answer_icmp(std::uint8_t code) {
        std::vector<std::uint8_t> icmp{3, code, 0, 0, 0, 0, 0, 0};
        icmp.insert(icmp.end(), syn_.begin(), syn_.begin() + 28);
        core::store_be16(&icmp[2], checksum(icmp, 0));
        send(IPPROTO_ICMP, 0x0a070763, icmp);  // 10.7.7.99
    }
    /// TCP flags 0x12 SYN+ACK, 0x14 RST+ACK, 0x04 RST. `sequence` after our start.
    void answer_tcp(std::uint8_t flags, std::uint32_t sequence) {
        std::vector<std::uint8_t> tcp(20, 0);
        std::memcpy(&tcp[0], &syn_[22], 2);
        std::memcpy(&tcp[2], &syn_[20], 2);
        core::store_be32(&tcp[4], 1000 + sequence);
        core::store_be32(&tcp[8], core::load_be32(&syn_[24]) + 1);
        tcp[12] = 5 << 4;
        tcp[13] = flags;
        core::store_be16(&tcp[14], 65535);
        std::uint32_t pseudo = 6 + 20;
        for (const std::size_t i : {12u, 14u, 16u, 18u})
            pseudo += core::load_be16(&syn_[i]);
        core::store_be16(&tcp[16], checksum(tcp, pseudo));
        send(IPPROTO_TCP, core::load_be32(&syn_[16]), tcp);
    }

  private:
    static std::uint16_t checksum(const std::vector<std::uint8_t>& data, std::uint32_t sum) {
        for (std::size_t i = 0; i + 1 < data.size(); i += 2)
            sum += core::load_be16(&data[i]);
        if (data.size() % 2 != 0) sum += std::uint32_t{data.back()} << 8;
        while (sum >> 16 != 0)
            sum = (sum & 0xffff) + (sum >> 16);
        return static_cast<std::uint16_t>(~sum);
    }
    void send(std::uint8_t protocol, std::uint32_t from, const std::vector<std::uint8_t>& payload) {
        std::vector<std::uint8_t> packet(20, 0);
        packet[0] = 0x45;
        core::store_be16(&packet[2], static_cast<std::uint16_t>(20 + payload.size()));
        packet[8] = 64;
        packet[9] = protocol;
        core::store_be32(&packet[12], from);
        std::memcpy(&packet[16], &syn_[12], 4);
        core::store_be16(&packet[10], checksum(packet, 0));
        packet.insert(packet.end(), payload.begin(), payload.end());
        [[maybe_unused]] const auto n = ::write(fd_.get(), packet.data(), packet.size());
    }
    core::UniqueFd fd_;
    std::vector<std::uint8_t> syn_;
};

/// Runs `work` in a forked child, with limits and namespaces of its own, and returns its result.
std::string in_child(const std::function<std::string()>& work) {
    int fds[2];
    REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
        const std::string text = work();
        [[maybe_unused]] const auto n = ::write(fds[1], text.data(), text.size());
        ::_exit(0);
    }
    ::close(fds[1]);
    std::string out;
    char buffer[512];
    for (ssize_t n; (n = ::read(fds[0], buffer, sizeof buffer)) > 0;)
        out.append(buffer, static_cast<std::size_t>(n));
    ::close(fds[0]);
    int status = 0;
    ::waitpid(pid, &status, 0);
    CHECK(status == 0);
    return out;
}

bool own_network() {
    const uid_t uid = ::getuid();
    const gid_t gid = ::getgid();
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
    write_text("/proc/self/setgroups", "deny");
    return write_text("/proc/self/uid_map", fmt::format("0 {} 1", uid)) &&
           write_text("/proc/self/gid_map", fmt::format("0 {} 1", gid));
}

/// One attempt of kind tcp; `network` is called after the SYN was sent. Returns "phase reason".
std::string attempt(const std::string& ip, const std::function<void()>& network, ProbeSpec spec = {}) {
    core::Loop loop;
    std::string out;
    {
        core::SystemClock clock(loop);
        spec.kind = Kind::kTcp;
        spec.host = "x";
        const ProbeTarget target{"l", *core::IpAddress::parse(ip), "", "", std::make_shared<const ProbeSpec>(spec)};
        ProbeRun run(loop, clock, nullptr, target, [&](const ProbeResult& r) {
            out = fmt::format("{} {}", to_string(r.phase), to_string(r.reason));
            if (r.detail.empty() || r.phase_us[0].value_or(-1) != r.total_us) out += " (bad detail or times)";
        });
        if (network) network();
        core::Timer limit(clock);
        limit.start_in(10 * core::kSecond, [&] { out = "no result"; });
        while (out.empty())
            loop.run_once();
    }
    return loop.close() ? out : out + " (loop not clean)";
}

void check(const std::string& found, const std::string& expected) {
    if (found == kUnavailable) {
        WARN("no network namespace or /dev/net/tun here: not tested");
        return;
    }
    CHECK(found == expected);
}

std::string behind_tun(const std::function<void(Tun&)>& play, ProbeSpec spec = {}) {
    return in_child([&]() -> std::string {
        Tun tun;
        if (!own_network() || !tun.open()) return kUnavailable;
        bool seen = true;
        const std::string found = attempt(
            "10.7.7.2",
            [&] {
                seen = tun.take_syn();
                if (seen) play(tun);
            },
            std::move(spec));
        return seen ? found : "no SYN left";
    });
}

}  // namespace

TEST_CASE("network: no route is no_route, at once", "[engine][faults][network]") {
    check(in_child([]() -> std::string { return own_network() ? attempt("10.1.2.3", {}) : kUnavailable; }),
          "connect no_route");
    check(in_child([]() -> std::string { return own_network() ? attempt("2001:db8::1", {}) : kUnavailable; }),
          "connect no_route");
}

TEST_CASE("network: every ICMP error and reset has its reason", "[engine][faults][network]") {
    check(behind_tun([](Tun& tun) { tun.answer_icmp(0); }), "connect net_unreachable");
    check(behind_tun([](Tun& tun) { tun.answer_icmp(1); }), "connect host_unreachable");
    check(behind_tun([](Tun& tun) { tun.answer_icmp(3); }), "connect tcp_refused");
    check(behind_tun([](Tun& tun) { tun.answer_icmp(13); }), "connect prohibited");
    check(behind_tun([](Tun& tun) { tun.answer_icmp(9); }), "connect prohibited");
    check(behind_tun([](Tun& tun) { tun.answer_icmp(10); }), "connect prohibited");
    check(behind_tun([](Tun& tun) { tun.answer_tcp(0x14, 0); }), "connect tcp_refused");
    check(behind_tun([](Tun& tun) {
              tun.answer_tcp(0x12, 0);
              tun.answer_tcp(0x04, 1);
          }),
          "connect tcp_reset");
}

TEST_CASE("network: silence is tcp_timeout after connect_timeout", "[engine][faults][network]") {
    ProbeSpec spec;
    spec.connect_timeout_us = 50 * core::kMillisecond;
    check(behind_tun([](Tun&) {}, spec), "connect tcp_timeout");
}

TEST_CASE("network: limits of this host give local_* reasons", "[engine][faults][network]") {
    SECTION("descriptors") {
        CHECK(reason_for_connect_error(EMFILE, true) == Reason::kLocalFdLimit);
        CHECK(reason_for_connect_error(ENFILE, true) == Reason::kLocalFdLimit);
#ifdef __SANITIZE_ADDRESS__
        WARN(
            "UBSan needs descriptors of its own to judge a virtual call: running out of them for real is tested without it");
#else
        CHECK(in_child([]() -> std::string {
                  std::string out;
                  core::Loop loop;
                  core::SystemClock clock(loop);
                  ProbeSpec spec;
                  spec.kind = Kind::kTcp;
                  const ProbeTarget target{"l", *core::IpAddress::parse("127.0.0.1"), "", "",
                                           std::make_shared<const ProbeSpec>(spec)};
                  const core::UniqueFd next(::dup(0));
                  const rlimit few{static_cast<rlim_t>(next.get() + 1), static_cast<rlim_t>(next.get() + 1)};
                  ::setrlimit(RLIMIT_NOFILE, &few);
                  ProbeRun run(loop, clock, nullptr, target, [&](const ProbeResult& r) { out = to_string(r.reason); });
                  while (out.empty())
                      loop.run_once();
                  return out;
              }) == "local_fd_limit");
#endif
    }
    SECTION("ports") {
        check(in_child([]() -> std::string {
                  if (!own_network() || !set_up("lo", nullptr)) return kUnavailable;
                  if (!write_text("/proc/sys/net/ipv4/ip_local_port_range", "40000 40001")) return kUnavailable;
                  const core::UniqueFd listener(::socket(AF_INET, SOCK_STREAM, 0));
                  sockaddr_storage address{};
                  const socklen_t size = core::SocketAddress{*core::IpAddress::parse("127.0.0.1"), 30000}.to(&address);
                  (void)::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size);
                  ::listen(listener.get(), 8);
                  std::vector<core::UniqueFd> held;
                  for (int i = 0; i < 4; ++i) {
                      held.emplace_back(::socket(AF_INET, SOCK_STREAM, 0));
                      if (::connect(held.back().get(), reinterpret_cast<sockaddr*>(&address), size) != 0) break;
                  }
                  ProbeSpec spec;
                  spec.port = 30000;
                  return attempt("127.0.0.1", {}, spec);
              }),
              "connect local_port_exhausted");
    }
    SECTION("memory") {
        CHECK(reason_for_connect_error(ENOMEM, true) == Reason::kLocalOom);
        CHECK(reason_for_connect_error(ENOBUFS, true) == Reason::kLocalOom);
        CHECK(reason_for_connect_error(ENFILE, true) == Reason::kLocalFdLimit);
    }
}

TEST_CASE("network: an attempt during which the host was suspended does not count", "[engine][faults]") {
    /// The real clock with an offset, to simulate a suspend.
    struct JumpingClock final : core::Clock {
        explicit JumpingClock(core::Clock& base) : real(base) {}
        core::Clock& real;
        core::Micros ahead = 0;
        core::Micros mono_us() const override { return real.mono_us() + ahead; }
        core::Micros wall_us() const override { return real.wall_us() + ahead; }
        AlarmId set_alarm(core::Micros when, std::function<void()> fn) override {
            return real.set_alarm(when - ahead, std::move(fn));
        }
        void cancel_alarm(AlarmId id) override { real.cancel_alarm(id); }
    };
    test::FakeGateway gateway(test::test_ca().issue(), [](test::Connection& c) { c.wait_for_peer(); });
    core::Loop loop;
    std::optional<ProbeResult> result;
    {
        core::SystemClock real(loop);
        JumpingClock clock(real);
        ProbeSpec spec = test::good_spec(gateway.port());
        spec.timeout_us = 100 * core::kMillisecond;
        const ProbeTarget target{"l", *core::IpAddress::parse("127.0.0.1"), "", "",
                                 std::make_shared<const ProbeSpec>(spec)};
        ProbeRun run(loop, clock, *TlsContext::load(spec.ca_file), target,
                     [&](ProbeResult r) { result = std::move(r); });
        clock.ahead = core::kHour;
        while (!result)
            loop.run_once();
    }
    CHECK(loop.close());
    CHECK(result->reason == Reason::kLocalCancelled);
    CHECK(result->detail.find("was suspended") != std::string::npos);
}
