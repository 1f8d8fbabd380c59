// SPDX-License-Identifier: Apache-2.0
// The physical limit to measure against: responders that do nothing but the system calls.
//     limit mmsg ADDRESS PORT                     blocking recvmmsg + sendmmsg, echo with one fixed A record
//     limit tcp  ADDRESS PORT                     epoll TCP, the same echo
//     limit fwd  ADDRESS PORT UPSTREAM UPPORT     forwards over one connected socket (one fixed port, nothing
//     checked)
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace {

constexpr unsigned kBatch = 32;
constexpr std::size_t kSlot = 2048;
using Byte = unsigned char;

/// Flips QR and puts one A record behind the question.
std::size_t echo(Byte* p, std::size_t size) {
    static const Byte kRecord[16] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0x2c, 0, 4, 10, 1, 2, 3};
    if (size < 17) return 0;
    std::size_t at = 12;
    while (at < size && p[at] != 0)
        at += p[at] + 1u;
    at += 5;
    if (at > size) return 0;
    p[2] = static_cast<Byte>(p[2] | 0x84);
    p[3] = 0x80;
    p[6] = p[8] = p[9] = p[10] = p[11] = 0;
    p[7] = 1;
    std::memcpy(p + at, kRecord, sizeof kRecord);
    return at + sizeof kRecord;
}

sockaddr_in address(const char* ip, const char* port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
    inet_pton(AF_INET, ip, &a.sin_addr);
    return a;
}

int udp_socket() {
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return fd;
}

struct Batch {
    std::array<mmsghdr, kBatch> header{};
    std::array<iovec, kBatch> vector{};
    std::array<sockaddr_in, kBatch> peer{};
    Byte data[kBatch][kSlot];

    int receive(int fd, int flags) {
        for (unsigned i = 0; i < kBatch; ++i) {
            vector[i] = {data[i], kSlot};
            header[i].msg_hdr = {};
            header[i].msg_hdr.msg_iov = &vector[i];
            header[i].msg_hdr.msg_iovlen = 1;
            header[i].msg_hdr.msg_name = &peer[i];
            header[i].msg_hdr.msg_namelen = sizeof peer[i];
        }
        return recvmmsg(fd, header.data(), kBatch, flags, nullptr);
    }
    void send(int fd, unsigned count) {
        for (unsigned done = 0; done < count;) {
            const int n = sendmmsg(fd, header.data() + done, count - done, 0);
            if (n > 0)
                done += static_cast<unsigned>(n);
            else if (errno != EAGAIN && errno != EINTR)
                ++done;
        }
    }
};

int run_mmsg(const sockaddr_in& at) {
    const int fd = udp_socket();
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) return 1;
    static Batch batch;
    for (;;) {
        const int n = batch.receive(fd, MSG_WAITFORONE);
        for (int i = 0; i < n; ++i) {
            const auto k = static_cast<unsigned>(i);
            batch.vector[k].iov_len = echo(batch.data[k], batch.header[k].msg_len);
        }
        if (n > 0) batch.send(fd, static_cast<unsigned>(n));
    }
}

void serve_tcp(int fd, std::vector<Byte>& in) {
    std::vector<Byte> out;
    std::size_t at = 0;
    while (in.size() - at >= 2) {
        const std::size_t size = static_cast<std::size_t>(in[at] << 8 | in[at + 1]);
        if (in.size() - at < 2 + size || size > kSlot - 64) break;
        Byte reply[kSlot];
        std::memcpy(reply, &in[at + 2], size);
        const std::size_t n = echo(reply, size);
        out.push_back(static_cast<Byte>(n >> 8));
        out.push_back(static_cast<Byte>(n));
        out.insert(out.end(), reply, reply + n);
        at += 2 + size;
    }
    in.erase(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(at));
    for (std::size_t done = 0; done < out.size();) {
        const ssize_t n = ::write(fd, out.data() + done, out.size() - done);
        if (n > 0)
            done += static_cast<std::size_t>(n);
        else if (errno != EAGAIN)
            return;
    }
}

int run_tcp(const sockaddr_in& at) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 || ::listen(listener, 128) != 0)
        return 1;
    const int set = epoll_create1(0);
    epoll_event event{EPOLLIN, {.fd = listener}};
    epoll_ctl(set, EPOLL_CTL_ADD, listener, &event);
    std::map<int, std::vector<Byte>> clients;
    for (;;) {
        epoll_event ready[64];
        const int n = epoll_wait(set, ready, 64, -1);
        for (int i = 0; i < n; ++i) {
            const int fd = ready[i].data.fd;
            if (fd == listener) {
                const int client = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
                if (client < 0) continue;
                ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                epoll_event e{EPOLLIN, {.fd = client}};
                epoll_ctl(set, EPOLL_CTL_ADD, client, &e);
                continue;
            }
            Byte buffer[16384];
            const ssize_t size = ::read(fd, buffer, sizeof buffer);
            if (size <= 0) {
                if (size < 0 && errno == EAGAIN) continue;
                ::close(fd);
                clients.erase(fd);
                continue;
            }
            auto& in = clients[fd];
            in.insert(in.end(), buffer, buffer + size);
            serve_tcp(fd, in);
        }
    }
}

int run_forward(const sockaddr_in& at, const sockaddr_in& upstream) {
    struct Waiting {
        sockaddr_in client;
        std::uint16_t id;
    };
    static std::vector<Waiting> waiting(65536);
    static Batch clients, answers;
    std::uint16_t next = 0;
    const int front = udp_socket(), back = udp_socket(), set = epoll_create1(0);
    if (::bind(front, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
        ::connect(back, reinterpret_cast<const sockaddr*>(&upstream), sizeof upstream) != 0) {
        return 1;
    }
    for (const int fd : {front, back}) {
        epoll_event event{EPOLLIN, {.fd = fd}};
        epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
    }
    for (;;) {
        epoll_event ready[2];
        const int count = epoll_wait(set, ready, 2, -1);
        for (int e = 0; e < count; ++e) {
            const bool from_client = ready[e].data.fd == front;
            Batch& batch = from_client ? clients : answers;
            const int n = batch.receive(ready[e].data.fd, MSG_DONTWAIT);
            for (int i = 0; i < n; ++i) {
                const auto k = static_cast<unsigned>(i);
                Byte* p = batch.data[k];
                batch.vector[k].iov_len = batch.header[k].msg_len;
                if (from_client) {
                    waiting[next] = {batch.peer[k], static_cast<std::uint16_t>(p[0] << 8 | p[1])};
                    p[0] = static_cast<Byte>(next >> 8);
                    p[1] = static_cast<Byte>(next++);
                    batch.header[k].msg_hdr.msg_name = nullptr;
                    batch.header[k].msg_hdr.msg_namelen = 0;
                } else {
                    const Waiting& w = waiting[static_cast<std::size_t>(p[0] << 8 | p[1])];
                    batch.peer[k] = w.client;
                    p[0] = static_cast<Byte>(w.id >> 8);
                    p[1] = static_cast<Byte>(w.id);
                    batch.header[k].msg_hdr.msg_name = &batch.peer[k];
                    batch.header[k].msg_hdr.msg_namelen = sizeof batch.peer[k];
                }
            }
            if (n > 0) batch.send(from_client ? back : front, static_cast<unsigned>(n));
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::string mode = argc > 3 ? argv[1] : "";
    if (mode == "mmsg") return run_mmsg(address(argv[2], argv[3]));
    if (mode == "tcp") return run_tcp(address(argv[2], argv[3]));
    if (mode == "fwd" && argc > 5) return run_forward(address(argv[2], argv[3]), address(argv[4], argv[5]));
    std::fputs("usage: limit mmsg|tcp ADDRESS PORT | limit fwd ADDRESS PORT UPSTREAM UPPORT\n", stderr);
    return 3;
}
