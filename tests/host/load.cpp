// SPDX-License-Identifier: Apache-2.0
// What applications do to a host's DNS, from inside the guest. Every answer is checked.
//     host_load dig SERVER RATE NAME=ADDRESS…      as dig does: a socket a query, 5 s, three tries
//     host_load getaddrinfo RATE NAME=ADDRESS…     as programs do: the host's own way, from many threads
//     host_load watch NAME…                        "EPOCH_MS NAME ANSWER" whenever its answer changes
// Prints "ready" once something was answered (watch: at once), runs until its stdin ends, then prints one
// line of JSON. Lookups are due at RATE a second whatever became of those before, and timed from when they
// were due.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <resolv.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace {

using Byte = unsigned char;
using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

struct Lookup {
    std::string name;
    in_addr expected{};
};

enum class Outcome { kRight, kWrong, kFailed };

struct Sample {
    Time due;
    Clock::duration took;
    Outcome outcome;
    bool retransmitted;
    std::string why;  // of what was not right
};

bool stdin_ended() {
    pollfd in{STDIN_FILENO, POLLIN | POLLHUP, 0};
    char rest[64];
    return ::poll(&in, 1, 0) > 0 && ::read(STDIN_FILENO, rest, sizeof rest) <= 0;
}

void say_ready() {
    static std::atomic<bool> said{false};
    if (said.exchange(true)) return;
    std::puts("ready");
    std::fflush(stdout);
}

std::string question(const std::string& name, std::uint16_t id) {
    std::string q = {static_cast<char>(id >> 8), static_cast<char>(id), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
    for (std::size_t at = 0; at < name.size();) {
        const std::size_t dot = std::min(name.find('.', at), name.size());
        q.push_back(static_cast<char>(dot - at));
        q.append(name, at, dot - at);
        at = dot + 1;
    }
    return q.append({0, 0, 1, 0, 1});
}

// --- dig

class Dig {
  public:
    Dig(const char* server, double rate, std::vector<Lookup> lookups)
        : lookups_(std::move(lookups)), interval_(static_cast<long>(1e9 / rate)) {
        server_.sin_family = AF_INET;
        server_.sin_port = htons(53);
        inet_pton(AF_INET, server, &server_.sin_addr);
        rlimit files{60000, 60000};
        ::setrlimit(RLIMIT_NOFILE, &files);
    }

    std::vector<Sample> run() {
        bool more = true;
        for (Time due = Clock::now(); more || under_way_ > 0;) {
            more = more && !stdin_ended();
            const Time now = Clock::now();
            for (; more && due <= now; due += interval_)
                start(due);
            for (; !deadlines_.empty() && deadlines_.front().at <= now; deadlines_.pop_front())
                late(deadlines_.front());
            std::array<epoll_event, 256> events;
            const int n = ::epoll_wait(epoll_, events.data(), events.size(), 1);
            for (int i = 0; i < n; ++i)
                readable(events[static_cast<std::size_t>(i)].data.fd);
        }
        return std::move(samples_);
    }

  private:
    static constexpr int kTries = 3;
    static constexpr std::chrono::seconds kTimeout{5};
    struct Query {
        Time due;
        std::size_t lookup = 0;
        std::uint16_t id = 0;
        int tries = 0;
        unsigned serial = 0;  // of the latest try: a deadline of an earlier one says nothing
    };
    struct Deadline {
        Time at;
        int fd;
        unsigned serial;
    };

    void start(Time due) {
        const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&server_), sizeof server_) != 0) {
            samples_.push_back({due, {}, Outcome::kFailed, false, std::strerror(errno)});
            if (fd >= 0) ::close(fd);
            return;
        }
        if (queries_.size() <= static_cast<std::size_t>(fd)) queries_.resize(static_cast<std::size_t>(fd) + 1);
        at(fd) = {due, next_ % lookups_.size(), static_cast<std::uint16_t>(next_ * 40503U), 0, 0};
        ++next_;
        ++under_way_;
        epoll_event event{EPOLLIN, {.fd = fd}};
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
        send(fd);
    }
    void send(int fd) {
        Query& q = at(fd);
        ++q.tries;
        q.serial = ++serial_;
        deadlines_.push_back({Clock::now() + kTimeout, fd, q.serial});
        const std::string bytes = question(lookups_[q.lookup].name, q.id);
        if (::send(fd, bytes.data(), bytes.size(), 0) < 0) again(fd, std::strerror(errno));
    }
    void again(int fd, const char* why) {
        if (at(fd).tries < kTries) return send(fd);
        end(fd, Outcome::kFailed, why);
    }
    void late(const Deadline& d) {
        if (at(d.fd).serial == d.serial) again(d.fd, "no answer");
    }
    void readable(int fd) {
        Byte reply[4096];
        const ssize_t n = ::recv(fd, reply, sizeof reply, 0);
        const Query& q = at(fd);
        if (n < 0) return errno == EAGAIN ? void() : again(fd, std::strerror(errno));
        if (n < 12 || (reply[0] << 8 | reply[1]) != q.id) return;
        const int rcode = reply[3] & 15;
        if (rcode != 0) return end(fd, Outcome::kFailed, ("rcode " + std::to_string(rcode)).c_str());
        const auto* wanted = reinterpret_cast<const Byte*>(&lookups_[q.lookup].expected);
        const bool right = std::search(reply + 12, reply + n, wanted, wanted + 4) != reply + n;
        end(fd, right ? Outcome::kRight : Outcome::kWrong, "another address");
    }
    void end(int fd, Outcome outcome, const char* why) {
        Query& q = at(fd);
        if (outcome == Outcome::kRight) say_ready();
        samples_.push_back({q.due, Clock::now() - q.due, outcome, q.tries > 1, outcome == Outcome::kRight ? "" : why});
        q.serial = 0;
        --under_way_;
        ::close(fd);
    }
    Query& at(int fd) { return queries_[static_cast<std::size_t>(fd)]; }

    std::vector<Lookup> lookups_;
    std::chrono::nanoseconds interval_;
    sockaddr_in server_{};
    int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    std::vector<Query> queries_;  // by descriptor
    std::deque<Deadline> deadlines_;
    std::vector<Sample> samples_;
    std::size_t next_ = 0;
    std::size_t under_way_ = 0;
    unsigned serial_ = 0;
};

// --- getaddrinfo

std::string addresses_of(const std::string& name) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const int error = ::getaddrinfo(name.c_str(), nullptr, &hints, &list);
    if (error != 0) return ::gai_strerror(error);
    std::string text;
    for (const addrinfo* a = list; a != nullptr; a = a->ai_next) {
        char address[NI_MAXHOST] = "?";
        ::getnameinfo(a->ai_addr, a->ai_addrlen, address, sizeof address, nullptr, 0, NI_NUMERICHOST);
        text += (text.empty() ? "" : ",") + std::string(address);
    }
    ::freeaddrinfo(list);
    return text;
}

std::vector<Sample> run_getaddrinfo(double rate, const std::vector<Lookup>& lookups) {
    constexpr std::size_t kThreads = 400;
    ::res_init();
    const std::chrono::seconds retransmit_after{_res.retrans};  // inferred: glibc does not report it
    std::atomic<std::size_t> next{0};
    std::atomic<bool> more{true};
    std::vector<std::vector<Sample>> of_thread(kThreads);
    std::vector<std::thread> threads;
    const Time begin = Clock::now();
    for (auto& samples : of_thread)
        threads.emplace_back([&] {
            while (more) {
                const std::size_t n = next++;
                const Lookup& lookup = lookups[n % lookups.size()];
                const Time due =
                    begin + std::chrono::nanoseconds(static_cast<long>(static_cast<double>(n) * 1e9 / rate));
                std::this_thread::sleep_until(due);
                const Time asked = Clock::now();
                const std::string answer = addresses_of(lookup.name);
                const Time now = Clock::now();
                char expected[INET_ADDRSTRLEN];
                inet_ntop(AF_INET, &lookup.expected, expected, sizeof expected);
                const Outcome outcome = answer == expected ? Outcome::kRight
                                        : answer.find_first_not_of("0123456789.,") == std::string::npos
                                            ? Outcome::kWrong
                                            : Outcome::kFailed;
                if (outcome == Outcome::kRight) say_ready();
                samples.push_back({due, now - due, outcome, now - asked >= retransmit_after,
                                   outcome == Outcome::kRight ? "" : answer});
            }
        });
    while (!stdin_ended())
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    more = false;
    for (auto& thread : threads)
        thread.join();
    std::vector<Sample> all;
    for (auto& samples : of_thread)
        std::move(samples.begin(), samples.end(), std::back_inserter(all));
    return all;
}

void watch(const std::vector<Lookup>& lookups) {
    say_ready();
    std::atomic<bool> more{true};
    std::vector<std::thread> threads;
    for (const Lookup& lookup : lookups)
        threads.emplace_back([&more, name = lookup.name] {
            for (std::string last; more; std::this_thread::sleep_for(std::chrono::milliseconds(10))) {
                std::string now = addresses_of(name);
                if (now == last) continue;
                last = std::move(now);
                const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                    std::chrono::system_clock::now().time_since_epoch());
                std::printf("%lld %s %s\n", static_cast<long long>(ms.count()), name.c_str(), last.c_str());
                std::fflush(stdout);
            }
        });
    while (!stdin_ended())
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    std::fflush(stdout);
    std::_Exit(0);  // a lookup that hangs is no reason to wait
}

// --- the report

double percentile_ms(std::vector<Clock::duration>* sorted, double p) {
    if (sorted->empty()) return 0;
    std::sort(sorted->begin(), sorted->end());
    const auto at = static_cast<std::size_t>(static_cast<double>(sorted->size() - 1) * p);
    return std::chrono::duration<double, std::milli>((*sorted)[at]).count();
}

void report(const std::vector<Sample>& samples) {
    std::vector<Clock::duration> all;
    std::map<long, std::vector<Clock::duration>> seconds;
    std::map<std::string, long> reasons;
    long right = 0, wrong = 0, failed = 0, retransmitted = 0;
    for (const Sample& s : samples) {
        if (s.outcome == Outcome::kRight) ++right;
        if (s.outcome == Outcome::kWrong) ++wrong;
        if (s.outcome == Outcome::kFailed) ++failed;
        if (s.retransmitted) ++retransmitted;
        if (!s.why.empty()) ++reasons[s.why];
        all.push_back(s.took);
        seconds[std::chrono::duration_cast<std::chrono::seconds>(s.due.time_since_epoch()).count()].push_back(s.took);
    }
    double worst_p50 = 0, worst_p99 = 0;
    for (auto& [second, took] : seconds) {
        worst_p50 = std::max(worst_p50, percentile_ms(&took, 0.50));
        worst_p99 = std::max(worst_p99, percentile_ms(&took, 0.99));
    }
    std::printf(
        "{\"sent\":%zu,\"answered\":%ld,\"wrong\":%ld,\"failed\":%ld,\"retransmitted\":%ld,\"seconds\":%zu,"
        "\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"worst_second_p50_ms\":%.2f,\"worst_second_p99_ms\":%.2f,"
        "\"reasons\":{",
        samples.size(), right, wrong, failed, retransmitted, seconds.size(), percentile_ms(&all, 0.50),
        percentile_ms(&all, 0.99), worst_p50, worst_p99);
    const char* comma = "";
    for (const auto& [why, count] : reasons) {
        std::printf("%s\"%s\":%ld", comma, why.c_str(), count);
        comma = ",";
    }
    std::puts("}}");
}

int usage() {
    std::fputs("usage: host_load dig SERVER RATE NAME=ADDRESS… | getaddrinfo RATE NAME=ADDRESS… | watch NAME…\n",
               stderr);
    return 3;
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    const std::string mode = words.empty() ? "" : words[0];
    const std::size_t options = mode == "dig" ? 3 : mode == "getaddrinfo" ? 2 : mode == "watch" ? 1 : words.size();
    std::vector<Lookup> lookups;
    for (std::size_t i = options; i < words.size(); ++i) {
        const std::size_t equal = words[i].find('=');
        Lookup lookup{words[i].substr(0, equal)};
        if (mode != "watch" &&
            (equal == std::string::npos || inet_pton(AF_INET, words[i].c_str() + equal + 1, &lookup.expected) != 1))
            return usage();
        lookups.push_back(lookup);
    }
    if (lookups.empty()) return usage();
    if (mode == "watch") watch(lookups);
    const double rate = std::atof(words[options - 1].c_str());
    if (!(rate > 0)) return usage();
    report(mode == "dig" ? Dig(words[1].c_str(), rate, lookups).run() : run_getaddrinfo(rate, lookups));
    return 0;
}
