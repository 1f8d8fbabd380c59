// SPDX-License-Identifier: Apache-2.0
// Bytes as the kernel sends them (little-endian machines), and bytes as it never would.
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "agent/connections/sock_diag.h"
#include "core/random.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::Bytes;

namespace {

constexpr std::uint32_t kSequence = 7;
constexpr std::size_t kInfoSize = 232;

void put16(Bytes& b, std::uint16_t v) {
    b.push_back(static_cast<std::uint8_t>(v));
    b.push_back(static_cast<std::uint8_t>(v >> 8));
}
void put32(Bytes& b, std::uint32_t v) {
    put16(b, static_cast<std::uint16_t>(v));
    put16(b, static_cast<std::uint16_t>(v >> 16));
}
void set32(Bytes& b, std::size_t at, std::uint32_t v) {
    core::store_le(b.data() + at, v);
}

Bytes message(std::uint16_t type, const Bytes& body, std::uint32_t sequence = kSequence) {
    Bytes out;
    put32(out, static_cast<std::uint32_t>(16 + body.size()));
    put16(out, type);
    put16(out, 2);  // NLM_F_MULTI
    put32(out, sequence);
    put32(out, 4242);
    out.insert(out.end(), body.begin(), body.end());
    return out;
}

/// struct tcp_info: 41 s without an acknowledgement, five timeouts.
Bytes tcp_info(std::size_t size = kInfoSize) {
    Bytes b(kInfoSize);
    b[0] = 1;
    b[2] = 5;                 // tcpi_retransmits
    b[4] = 6;                 // tcpi_backoff
    set32(b, 8, 12'800'000);  // tcpi_rto
    set32(b, 24, 3);          // tcpi_unacked
    set32(b, 44, 2'000);      // tcpi_last_data_sent
    set32(b, 56, 41'000);     // tcpi_last_ack_recv
    set32(b, 68, 1'234);      // tcpi_rtt
    set32(b, 144, 100);       // tcpi_notsent_bytes
    b.resize(size);
    return b;
}

Bytes attribute(std::uint16_t type, const Bytes& data) {
    Bytes out;
    put16(out, static_cast<std::uint16_t>(4 + data.size()));
    put16(out, type);
    out.insert(out.end(), data.begin(), data.end());
    out.resize((out.size() + 3) & ~std::size_t{3});
    return out;
}

/// struct inet_diag_msg
Bytes socket_body(std::uint8_t family, std::uint8_t state, const std::vector<std::uint8_t>& remote) {
    Bytes b;
    for (const int v : {int{family}, int{state}, 1, 5})  // timer: retransmission
        b.push_back(static_cast<std::uint8_t>(v));
    for (const int v : {0xab, 0xcd, 0x01, 0xbb})  // ports 43981 and 443
        b.push_back(static_cast<std::uint8_t>(v));
    b.resize(24);
    b.insert(b.end(), remote.begin(), remote.end());
    b.resize(40);
    put32(b, 0);
    put32(b, 11);
    put32(b, 12);
    put32(b, 0);
    put32(b, 0);
    put32(b, 1100);    // queue to write
    put32(b, 1001);    // uid
    put32(b, 987654);  // inode
    return b;
}

Bytes joined(const std::vector<Bytes>& parts) {
    Bytes out;
    for (const auto& part : parts)
        out.insert(out.end(), part.begin(), part.end());
    return out;
}

const std::vector<std::uint8_t> kRemote{10, 0, 1, 23};
Bytes connection(std::uint8_t state = 1) {
    return message(20, joined({socket_body(AF_INET, state, kRemote), attribute(2, tcp_info())}));
}

/// What the kernel does with a filter (inet_diag_bc_run).
bool passes(const Bytes& program, const core::IpAddress& ip, std::uint16_t port) {
    std::size_t at = 0;
    while (at < program.size()) {
        const std::uint8_t code = program[at], yes = program[at + 1];
        const auto no = core::load_le<std::uint16_t>(&program[at + 2]);
        bool met = code != 1;  // INET_DIAG_BC_JMP
        if (code == 8) {       // INET_DIAG_BC_D_COND
            const std::uint8_t family = program[at + 4], prefix = program[at + 5];
            const auto wanted = core::load_le<std::int32_t>(&program[at + 8]);
            met = wanted == port &&
                  (family == AF_UNSPEC || (family == (ip.is_v6() ? AF_INET6 : AF_INET) && prefix == 8 * ip.size() &&
                                           std::equal(ip.data(), ip.data() + ip.size(), &program[at + 12])));
        }
        at += met ? yes : no;
    }
    return at == program.size();
}

core::IpAddress v4(std::uint32_t i) {
    return core::IpAddress::v4(0x0a000000u + i);
}

}  // namespace

TEST_CASE("sock_diag: a connection of the kernel's list", "[connections]") {
    if constexpr (std::endian::native != std::endian::little) return;
    std::vector<Connection> out;
    const DiagPart part = parse_diag(joined({connection(), message(3, Bytes(4))}), kSequence, out);
    CHECK((part.end && part.error == 0 && !part.damaged));
    REQUIRE(out.size() == 1);
    const Connection& c = out[0];
    CHECK(c.remote.text() == "10.0.1.23");
    CHECK(c.remote_port == 443);
    CHECK(c.uid == 1001);
    CHECK(c.inode == 987654);
    CHECK(c.state == TcpState::kEstablished);
    CHECK(c.timer == TcpTimer::kRetransmit);
    CHECK(c.measured);
    CHECK((c.timeouts == 5 && c.backoff == 6 && c.unacked == 3));
    CHECK(c.timeout_us == 12'800'000);
    CHECK(c.unacked_bytes == 1000);
    CHECK(c.rtt_us == 1234);
    CHECK(c.last_ack_us == 41 * core::kSecond);
    CHECK(c.last_sent_us == 2 * core::kSecond);
}

TEST_CASE("sock_diag: states, and an IPv6 socket that talks IPv4", "[connections]") {
    std::vector<Connection> out;
    for (const int state : {1, 2, 4, 5, 8, 9, 11, 3, 6, 7, 10, 12, 0, 255})
        parse_diag(connection(static_cast<std::uint8_t>(state)), kSequence, out);
    std::string states;
    for (const auto& c : out)
        states += std::string(to_string(c.state)) + " ";
    CHECK(states == "established connecting closing closing close_wait closing closing ");

    out.clear();
    std::vector<std::uint8_t> mapped(16);
    mapped[10] = mapped[11] = 0xff;
    std::copy(kRemote.begin(), kRemote.end(), mapped.begin() + 12);
    std::vector<std::uint8_t> real(16);
    real[0] = 0x24, real[15] = 9;
    for (const auto& remote : {mapped, real})
        parse_diag(message(20, socket_body(AF_INET6, 1, remote)), kSequence, out);
    REQUIRE(out.size() == 2);
    CHECK(out[0].remote.text() == "10.0.1.23");
    CHECK(out[1].remote.text() == "2400::9");
    CHECK_FALSE(out[0].measured);  // the kernel said nothing more
    out.clear();
    parse_diag(message(20, socket_body(AF_UNIX, 1, kRemote)), kSequence, out);
    CHECK(out.empty());
}

TEST_CASE("sock_diag: an older kernel says less, a newer one more", "[connections]") {
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{71}, std::size_t{72}, std::size_t{104}, std::size_t{400}}) {
        std::vector<Connection> out;
        const Bytes body = joined({socket_body(AF_INET, 1, kRemote), attribute(9, Bytes(3)),
                                   attribute(2, tcp_info(size)), attribute(200, Bytes(8))});
        CHECK_FALSE(parse_diag(message(20, body), kSequence, out).damaged);
        REQUIRE(out.size() == 1);
        CHECK(out[0].measured == (size >= 72));
        CHECK(out[0].last_ack_us == (size >= 72 ? 41 * core::kSecond : 0));
        CHECK(out[0].unacked_bytes == (size < 72 ? 0u : size < 148 ? 1100u : 1000u));
    }
}

TEST_CASE("sock_diag: the end, a refusal, and messages of others", "[connections]") {
    std::vector<Connection> out;
    const auto code = [](int value) {
        Bytes b;
        put32(b, static_cast<std::uint32_t>(value));
        return b;
    };
    CHECK(parse_diag(message(2, code(-ENOENT)), kSequence, out).error == ENOENT);
    CHECK(parse_diag(message(2, code(-ENOENT)), kSequence, out).end);
    CHECK(parse_diag(message(3, code(-EINVAL)), kSequence, out).error == EINVAL);
    CHECK(parse_diag(message(3, {}), kSequence, out).end);  // an older kernel's
    const DiagPart odd = parse_diag(message(2, code(INT32_MIN)), kSequence, out);
    CHECK((odd.end && odd.error == 0 && odd.damaged));
    CHECK(parse_diag(message(4, {}), kSequence, out).damaged);  // overrun
    CHECK_FALSE(parse_diag(message(1, {}), kSequence, out).end);
    CHECK_FALSE(parse_diag(message(3, code(0), kSequence + 1), kSequence, out).end);
    parse_diag(message(20, socket_body(AF_INET, 1, kRemote), kSequence + 1), kSequence, out);
    CHECK(out.empty());
    // What follows the end is not read.
    parse_diag(joined({message(3, code(0)), connection()}), kSequence, out);
    CHECK(out.empty());
}

TEST_CASE("sock_diag: nothing is read past the end, and every cut is noticed", "[connections]") {
    const Bytes whole = joined({connection(), connection(), message(3, Bytes(4))});
    const std::size_t one = connection().size();
    for (std::size_t size = 1; size < whole.size(); ++size) {
        const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        std::vector<Connection> out;
        const DiagPart part = parse_diag(cut, kSequence, out);
        INFO(size);
        CHECK_FALSE(part.end);
        CHECK(part.damaged == (size % one != 0));
        CHECK(out.size() == size / one);
    }
    // Lengths inside that do not fit: the header's, an attribute's.
    for (const std::size_t at : {std::size_t{0}, std::size_t{16 + 72}}) {
        for (const int length : {0, 1, 3, 15, 0xffff}) {
            Bytes bad = connection();
            core::store_le(bad.data() + at, static_cast<std::uint16_t>(length));
            std::vector<Connection> out;
            INFO(at << " " << length);
            CHECK((parse_diag(bad, kSequence, out).damaged || (at > 0 && length == 15)));
            CHECK(out.size() <= 1);
        }
    }
    core::SeededRandom random(3);
    for (int i = 0; i < 20'000; ++i) {
        Bytes bad = whole;
        for (int n = 0; n < 4; ++n)
            bad[random.below(bad.size())] = static_cast<std::uint8_t>(random.below(256));
        std::vector<Connection> out;
        parse_diag(bad, kSequence, out);
        for (const auto& c : out)
            stuck_for(c);
        REQUIRE(out.size() <= 8);
    }
}

TEST_CASE("sock_diag: the request lists both directions of the header's lengths", "[connections]") {
    const Bytes filter = diag_filter({{v4(1), 443}});
    const Bytes request = diag_request(AF_INET6, 9, filter);
    CHECK(core::load_le<std::uint32_t>(request.data()) == request.size());
    CHECK(core::load_le<std::uint16_t>(&request[4]) == 20);
    CHECK(core::load_le<std::uint16_t>(&request[6]) == 0x301);  // a request for a list
    CHECK(core::load_le<std::uint32_t>(&request[8]) == 9);
    CHECK((request[16] == AF_INET6 && request[17] == IPPROTO_TCP && request[18] == 2));  // with tcp_info
    CHECK(core::load_le<std::uint32_t>(&request[20]) == 0xb36);                          // neither LISTEN nor TIME-WAIT
    CHECK(core::load_le<std::uint16_t>(&request[72]) == 4 + filter.size());
    CHECK(core::load_le<std::uint16_t>(&request[74]) == 1);
    CHECK(diag_request(AF_INET, 9, {}).size() == 72);
}

TEST_CASE("sock_diag: the filter passes the addresses with their ports", "[connections]") {
    const auto v6 = *core::IpAddress::parse("2400::9");
    const Bytes filter = diag_filter({{v4(1), 443}, {v4(2), 443}, {v4(2), 6041}, {v6, 443}, {v4(1), 443}});
    CHECK(passes(filter, v4(1), 443));
    CHECK(passes(filter, v4(2), 443));
    CHECK(passes(filter, v4(2), 6041));
    CHECK(passes(filter, v6, 443));
    CHECK_FALSE(passes(filter, v4(1), 6041));
    CHECK_FALSE(passes(filter, v4(3), 443));
    CHECK(filter.size() == 3 * 16 + 28 + 3 * 4);

    std::vector<core::SocketAddress> many;
    for (std::uint32_t i = 0; i < 65; ++i)
        many.push_back({v4(i), static_cast<std::uint16_t>(443 + i % 2)});
    const Bytes ports = diag_filter(many);
    CHECK(ports.size() == 2 * 12 + 4);
    CHECK(passes(ports, v4(1000), 443));
    CHECK(passes(ports, v6, 444));
    CHECK_FALSE(passes(ports, v4(1), 445));

    for (std::uint32_t i = 0; i < 65; ++i)
        many[i].port = static_cast<std::uint16_t>(443 + i);
    CHECK(diag_filter(many).empty());
    CHECK(diag_filter({}).empty());
}
