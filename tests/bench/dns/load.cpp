// SPDX-License-Identifier: Apache-2.0
// A UDP load generator that is cheaper than the servers it drives: sendmmsg and recvmmsg over some sockets, a
// fixed number of queries outstanding. Checks ID and question of every reply.
//     load ADDRESS PORT FILE SECONDS [WINDOW [SOCKETS]]         FILE: lines of "name TYPE" (A or AAAA),
//     cycled through
// Prints {"sent":…,"ok":…,"bad":…,"lost":…,"secs":…,"qps":…,"rcodes":[…]}.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace {

constexpr unsigned kBatch = 32;
using Byte = unsigned char;

std::vector<Byte> make_query(const std::string& name, bool aaaa) {
    std::vector<Byte> q(12);
    q[2] = 1;
    q[5] = 1;
    for (std::size_t at = 0; at < name.size();) {
        const std::size_t dot = std::min(name.find('.', at), name.size());
        q.push_back(static_cast<Byte>(dot - at));
        q.insert(q.end(), name.begin() + static_cast<std::ptrdiff_t>(at),
                 name.begin() + static_cast<std::ptrdiff_t>(dot));
        at = dot + 1;
    }
    for (const int v : {0, 0, aaaa ? 28 : 1, 0, 1})
        q.push_back(static_cast<Byte>(v));
    return q;
}

double seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Client {
    int fd = -1;
    std::uint16_t next_id = 0;
    unsigned outstanding = 0;
    std::vector<std::uint32_t> query_of = std::vector<std::uint32_t>(65536, UINT32_MAX);
};

struct Counts {
    std::uint64_t sent = 0, ok = 0, bad = 0, lost = 0;
    std::array<std::uint64_t, 16> rcodes{};
};

struct Buffers {
    std::array<mmsghdr, kBatch> header{};
    std::array<iovec, kBatch> vector{};
    Byte data[kBatch][4096];
    Buffers() {
        for (unsigned i = 0; i < kBatch; ++i) {
            vector[i] = {data[i], sizeof data[i]};
            header[i].msg_hdr.msg_iov = &vector[i];
            header[i].msg_hdr.msg_iovlen = 1;
        }
    }
};

void send_some(Client& c, unsigned window, const std::vector<std::vector<Byte>>& queries, std::size_t* next,
               Counts* n) {
    static Buffers out;
    unsigned count = 0;
    while (c.outstanding + count < window && count < kBatch) {
        while (c.query_of[c.next_id] != UINT32_MAX)
            ++c.next_id;
        const auto& q = queries[*next];
        std::memcpy(out.data[count], q.data(), q.size());
        out.data[count][0] = static_cast<Byte>(c.next_id >> 8);
        out.data[count][1] = static_cast<Byte>(c.next_id);
        out.vector[count].iov_len = q.size();
        c.query_of[c.next_id++] = static_cast<std::uint32_t>(*next);
        *next = (*next + 1) % queries.size();
        ++count;
    }
    for (unsigned done = 0; done < count;) {
        const int sent = sendmmsg(c.fd, out.header.data() + done, count - done, 0);
        if (sent > 0) done += static_cast<unsigned>(sent);
    }
    c.outstanding += count;
    n->sent += count;
}

bool receive_some(Client& c, const std::vector<std::vector<Byte>>& queries, Counts* n) {
    static Buffers in;
    const int count = recvmmsg(c.fd, in.header.data(), kBatch, MSG_DONTWAIT, nullptr);
    for (int i = 0; i < count; ++i) {
        const Byte* p = in.data[i];
        const std::size_t size = in.header[static_cast<unsigned>(i)].msg_len;
        auto& slot = c.query_of[static_cast<std::size_t>(p[0] << 8 | p[1])];
        if (size < 12 || slot == UINT32_MAX || (p[2] & 0x80) == 0) {
            ++n->bad;
            continue;
        }
        const auto& q = queries[slot];
        slot = UINT32_MAX;
        --c.outstanding;
        const bool same = size >= q.size() && std::memcmp(p + 12, q.data() + 12, q.size() - 12) == 0;
        ++(same ? n->ok : n->bad);
        ++n->rcodes[p[3] & 15];
    }
    return count > 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) {
        std::fputs("usage: load ADDRESS PORT FILE SECONDS [WINDOW [SOCKETS]]\n", stderr);
        return 3;
    }
    std::ifstream file(argv[3]);
    std::vector<std::vector<Byte>> queries;
    for (std::string name, type; file >> name >> type;)
        queries.push_back(make_query(name, type == "AAAA"));
    if (queries.empty()) return 3;
    const double length = std::atof(argv[4]);
    const unsigned window = argc > 5 ? static_cast<unsigned>(std::atoi(argv[5])) : 128;
    std::vector<Client> clients(argc > 6 ? static_cast<std::size_t>(std::atoi(argv[6])) : 4);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[2])));
    inet_pton(AF_INET, argv[1], &to.sin_addr);
    std::vector<pollfd> polls;
    for (Client& c : clients) {
        const int size = 4 << 20;
        c.fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        ::setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        ::setsockopt(c.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        if (::connect(c.fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return 1;
        polls.push_back({c.fd, POLLIN, 0});
    }
    Counts n;
    std::size_t next = 0;
    const double start = seconds();
    double last_reply = start, now;
    while (now = seconds(), now < start + length || (n.ok + n.bad + n.lost < n.sent && now < start + length + 0.5)) {
        bool got = false;
        for (Client& c : clients) {
            if (now < start + length) send_some(c, window / static_cast<unsigned>(clients.size()), queries, &next, &n);
            got = receive_some(c, queries, &n) || got;
        }
        if (got) {
            last_reply = now;
            continue;
        }
        ::poll(polls.data(), polls.size(), 20);
        if (now < last_reply + 0.2) continue;
        for (Client& c : clients) {  // whatever is out is lost: go on with a new window
            n.lost += c.outstanding;
            c.outstanding = 0;
            c.query_of.assign(65536, UINT32_MAX);
        }
        last_reply = now;
    }
    const double took = std::min(now - start, length);
    std::printf("{\"sent\":%lu,\"ok\":%lu,\"bad\":%lu,\"lost\":%lu,\"secs\":%.3f,\"qps\":%.0f,\"rcodes\":[", n.sent,
                n.ok, n.bad, n.lost + (n.sent - n.ok - n.bad - n.lost), took, static_cast<double>(n.ok) / took);
    for (std::size_t i = 0; i < n.rcodes.size(); ++i)
        std::printf("%s%lu", i ? "," : "", n.rcodes[i]);
    std::puts("]}");
    return 0;
}
