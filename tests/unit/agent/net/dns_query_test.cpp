// SPDX-License-Identifier: Apache-2.0
#include "agent/net/dns_query.h"

#include <optional>

#include "agent/text/dns_text.h"
#include "tests/unit/agent/net/loopback.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::Bytes;
using core::Code;
using core::kSecond;

namespace {

using Replies = std::vector<Bytes>;

/// UDP and TCP on one port of loopback, in a thread of its own. Each question is answered with what the functions give:
/// of UDP all datagrams in turn, of TCP the raw bytes, after which the connection is closed.
class DnsServer {
  public:
    using Datagrams = std::function<Replies(const Bytes&)>;
    using Stream = std::function<Bytes(const Bytes&)>;

    explicit DnsServer(
        Datagrams datagrams, Stream stream = [](const Bytes&) { return Bytes(); })
        : datagrams_(std::move(datagrams)), stream_(std::move(stream)) {
        for (int tries = 0; tries < 100 && !tcp_; ++tries) {  // a port that is free for both
            udp_ = bound_socket(SOCK_DGRAM, &port_);
            core::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
            sockaddr_storage where;
            const socklen_t size = address().to(&where);
            if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&where), size) == 0) tcp_ = std::move(fd);
        }
        REQUIRE(tcp_);
        REQUIRE(::listen(tcp_.get(), 8) == 0);
        thread_ = std::thread([this] { run(); });
    }
    ~DnsServer() {
        stop_ = true;
        thread_.join();
    }
    core::SocketAddress address() const { return {core::IpAddress::v4(0x7f000001), port_}; }
    core::Result<DnsReply> ask(const std::string& name = "db.example.com", const std::string& type = "A") const {
        return ask_dns(address(), name, type, 10 * kSecond);
    }

  private:
    void run() {
        while (!stop_) {
            pollfd both[2] = {{udp_.get(), POLLIN, 0}, {tcp_.get(), POLLIN, 0}};
            if (::poll(both, 2, 20) <= 0) continue;
            if (both[0].revents != 0) answer_datagram();
            if (both[1].revents != 0) answer_stream();
        }
    }
    void answer_datagram() {
        Bytes query(4096);
        sockaddr_storage from{};
        socklen_t size = sizeof from;
        const ssize_t n =
            ::recvfrom(udp_.get(), query.data(), query.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
        if (n <= 0) return;
        query.resize(static_cast<std::size_t>(n));
        for (const Bytes& out : datagrams_(query))
            ::sendto(udp_.get(), out.data(), out.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
    }
    void answer_stream() {
        const core::UniqueFd fd(::accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        Bytes query(4096);
        std::size_t have = 0;
        while (have < 2 || have < 2u + core::load_be16(query.data())) {
            const ssize_t n = ::recv(fd.get(), query.data() + have, query.size() - have, 0);
            if (n <= 0) return;
            have += static_cast<std::size_t>(n);
        }
        query.resize(have);
        query.erase(query.begin(), query.begin() + 2);
        const Bytes out = stream_(query);
        for (const std::uint8_t byte : out)  // in as many pieces as there are bytes
            ::send(fd.get(), &byte, 1, MSG_NOSIGNAL);
    }

    Datagrams datagrams_;
    Stream stream_;
    core::UniqueFd udp_, tcp_;
    std::uint16_t port_ = 0;
    std::atomic<bool> stop_ = false;
    std::thread thread_;
};

const std::vector<Record> kOneAddress{{1, 60, {10, 0, 1, 23}}};

/// An OPT record behind the reply: its options as they are on the wire, and the upper bits of the response code.
Bytes with_options(Bytes reply, const Bytes& options, std::uint8_t extended_rcode = 0) {
    const std::size_t at = reply.size();
    reply.resize(at + 11);
    core::store_be16(&reply[at + 1], 41);
    core::store_be16(&reply[at + 3], 1232);
    reply[at + 5] = extended_rcode;
    core::store_be16(&reply[at + 9], static_cast<std::uint16_t>(options.size()));
    reply.insert(reply.end(), options.begin(), options.end());
    core::store_be16(&reply[10], 1);
    return reply;
}

Bytes option(std::uint16_t code, std::string_view data) {
    Bytes out(4);
    core::store_be16(&out[0], code);
    core::store_be16(&out[2], static_cast<std::uint16_t>(data.size()));
    out.insert(out.end(), data.begin(), data.end());
    return out;
}

Bytes framed(const Bytes& message) {
    Bytes out(2);
    core::store_be16(out.data(), static_cast<std::uint16_t>(message.size()));
    out.insert(out.end(), message.begin(), message.end());
    return out;
}

/// The question's name as text.
std::string asked_name(const Bytes& query) {
    return name_text(core::ByteView(query).subspan(12));
}

}  // namespace

TEST_CASE("dns query: records, response code, and where it came from", "[dns_query]") {
    const DnsServer server([](const Bytes& query) { return Replies{dns_reply(query, 0, kOneAddress)}; });
    const auto reply = server.ask();
    REQUIRE(reply);
    CHECK(reply->question == "db.example.com.");
    CHECK(reply->type == "A");
    CHECK(reply->server == server.address());
    CHECK_FALSE(reply->tcp);
    CHECK(reply->rcode == 0);
    CHECK(reply->rcode_name == "NOERROR");
    REQUIRE(reply->answers.size() == 1);
    CHECK(reply->answers[0].name == "db.example.com.");
    CHECK(reply->answers[0].type == "A");
    CHECK(reply->answers[0].ttl == 60);
    CHECK(reply->answers[0].data == "10.0.1.23");
    CHECK(reply->authority.empty());
    CHECK(reply->ede.empty());
    CHECK(reply->explanation.empty());
}

TEST_CASE("dns query: an address is asked for by its reverse name", "[dns_query]") {
    std::string name;
    const DnsServer server([&](const Bytes& query) {
        name = asked_name(query);
        return Replies{dns_reply(query, 3, {})};
    });
    const auto reply = server.ask("10.0.1.23", "PTR");
    REQUIRE(reply);
    CHECK(reply->rcode_name == "NXDOMAIN");
    CHECK(name == "23.1.0.10.in-addr.arpa");
    REQUIRE(server.ask("fd00::1", "PTR"));
    CHECK(name == "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa");
}

TEST_CASE("dns query: what is no name or type is a usage error before anybody is asked", "[dns_query]") {
    std::atomic<int> asked = 0;
    const DnsServer server([&](const Bytes& query) {
        ++asked;
        return Replies{dns_reply(query, 0, {})};
    });
    for (const std::string& name : {std::string("a..b"), std::string(64, 'a'), std::string(300, 'a') + ".b",
                                    std::string(".a"), std::string("\\999.a")}) {
        INFO(name);
        const auto reply = server.ask(name);
        REQUIRE_FALSE(reply);
        CHECK(reply.error().code == Code::kUsage);
    }
    for (const char* type : {"", "NONSENSE", "A A", "TYPE70000"}) {
        INFO(type);
        const auto reply = server.ask("db.example.com", type);
        REQUIRE_FALSE(reply);
        CHECK(reply.error().code == Code::kUsage);
    }
    CHECK(asked == 0);
}

TEST_CASE("dns query: every response code has one name, that of dns_text", "[dns_query]") {
    int rcode = 0;
    const DnsServer server([&](const Bytes& query) {
        return Replies{with_options(dns_reply(query, static_cast<std::uint8_t>(rcode & 15), {}), {},
                                    static_cast<std::uint8_t>(rcode >> 4))};
    });
    for (rcode = 0; rcode < 40; ++rcode) {
        const auto reply = server.ask();
        REQUIRE(reply);
        CHECK(reply->rcode == rcode);
        CHECK(reply->rcode_name == rcode_text(static_cast<std::uint16_t>(rcode)));
    }
}

TEST_CASE("dns query: why there is an error, and the resolver's own explanation", "[dns_query]") {
    Bytes options = option(15, std::string("\0\x16", 2) + "no reply \xff\x1b");
    for (const Bytes& more : {option(15, std::string("\0\x17", 2)), option(15, "x"), option(10, "cookie"),
                              option(65001, "source=upstream error=\"time out\"")})
        options.insert(options.end(), more.begin(), more.end());
    const DnsServer server([&](const Bytes& query) { return Replies{with_options(dns_reply(query, 2, {}), options)}; });
    const auto reply = server.ask();
    REQUIRE(reply);
    CHECK(reply->ede ==
          std::vector<std::pair<int, std::string>>{{22, "no reply \xff\x1b"}, {23, ""}});  // who shows it makes it safe
    using Words = std::vector<std::pair<std::string, std::string>>;
    CHECK(reply->explanation == Words{{"source", "upstream"}, {"error", "time out"}});
}

TEST_CASE("dns query: options that claim more than there is end the reading of them", "[dns_query]") {
    Bytes options = option(15, std::string("\0\x16", 2));
    options.insert(options.end(), {0, 15, 0xff, 0xff, 0});
    const DnsServer server(
        [&](const Bytes& query) { return Replies{with_options(dns_reply(query, 0, kOneAddress), options)}; });
    const auto reply = server.ask();
    if (reply) CHECK(reply->answers.size() == 1);
    if (!reply) CHECK(reply.error().code == Code::kDnsFailed);
}

TEST_CASE("dns query: what does not answer our question is not the answer", "[dns_query]") {
    const DnsServer server([](const Bytes& query) {
        Bytes other = dns_reply(query, 3, {}), no_reply = other;
        other[1] ^= 1;
        no_reply[2] &= 0x7f;
        return Replies{Bytes(), Bytes{query[0], query[1]}, query, other, no_reply, dns_reply(query, 0, kOneAddress)};
    });
    const auto reply = server.ask();
    REQUIRE(reply);
    CHECK(reply->rcode == 0);
    CHECK(reply->answers.size() == 1);
}

TEST_CASE("dns query: nobody listens, or nobody answers", "[dns_query]") {
    std::uint16_t port = 0;
    { const auto closed = bound_socket(SOCK_DGRAM, &port); }
    const core::SocketAddress nobody{core::IpAddress::v4(0x7f000001), port};
    const auto refused = ask_dns(nobody, "db.example.com", "A", 10 * kSecond);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::kSocket);
    CHECK(refused.error().what.find(nobody.text()) != std::string::npos);
    const DnsServer silent([](const Bytes&) { return Replies(); });
    const auto late = ask_dns(silent.address(), "db.example.com", "A", 50 * core::kMillisecond);
    REQUIRE_FALSE(late);
    CHECK(late.error().code == Code::kTimeout);
    CHECK(ask_dns(silent.address(), "db.example.com", "A", 0).error().code == Code::kTimeout);
    CHECK(ask_dns(silent.address(), "db.example.com", "A", -kSecond).error().code == Code::kTimeout);
}

TEST_CASE("dns query: a truncated reply is asked for again over TCP", "[dns_query]") {
    const auto truncated = [](const Bytes& query) {
        Bytes out = dns_reply(query, 0, {});
        out[2] |= 0x02;
        return Replies{out};
    };
    const DnsServer server(truncated, [](const Bytes& query) { return framed(dns_reply(query, 0, kOneAddress)); });
    const auto reply = server.ask();
    REQUIRE(reply);
    CHECK(reply->tcp);
    CHECK(reply->answers.size() == 1);

    const auto fails = [&](DnsServer::Stream stream) {
        const DnsServer bad(truncated, std::move(stream));
        const auto failed = bad.ask();
        REQUIRE_FALSE(failed);
        return failed.error().code;
    };
    CHECK(fails([](const Bytes&) { return Bytes(); }) == Code::kSocket);
    CHECK(fails([](const Bytes&) { return Bytes{0}; }) == Code::kSocket);
    CHECK(fails([](const Bytes& query) {
              Bytes out = framed(dns_reply(query, 0, kOneAddress));
              out.pop_back();
              return out;
          }) == Code::kSocket);
    CHECK(fails([](const Bytes&) { return framed({}); }) == Code::kDnsFailed);
    CHECK(fails([](const Bytes&) { return framed({1, 2, 3}); }) == Code::kDnsFailed);
    CHECK(fails([](const Bytes& query) { return framed(query); }) == Code::kDnsFailed);
}

TEST_CASE("dns query: a damaged reply is an error or a reply, at any length and any byte", "[dns_query]") {
    Bytes whole;
    std::size_t size = 0, changed = 0;
    const DnsServer server([&](const Bytes& query) {
        Bytes out = with_options(dns_reply(query, 0, {{1, 60, {10, 0, 1, 23}}, {12, 60, {1, 'a', 0xc0, 12}}}),
                                 option(65001, "source=cache"));
        whole = out;
        if (size > 0) out.resize(size);
        if (changed > 0) out[changed] ^= 0xff;
        return Replies{out};
    });
    REQUIRE(server.ask());
    int errors = 0;
    for (size = 12; size < whole.size(); ++size)
        errors += server.ask() ? 0 : 1;
    CHECK(errors > 20);
    size = 0;
    for (changed = 3; changed < whole.size(); ++changed) {
        INFO(changed);
        const auto reply = server.ask();
        if (!reply) CHECK(reply.error().code == Code::kDnsFailed);
    }
}

TEST_CASE("dns query: the words of an explanation are taken apart, quotes and all", "[dns_query]") {
    const auto words = parse_words(R"(source=private link=prod why="10.0.1.23 up, \"own\" zone" last=)");
    REQUIRE(words.size() == 4);
    CHECK(words[1] == std::pair<std::string, std::string>{"link", "prod"});
    CHECK(words[2].second == "10.0.1.23 up, \"own\" zone");
    CHECK(words[3].second.empty());
    using Words = std::vector<std::pair<std::string, std::string>>;
    CHECK(parse_words("").empty());
    CHECK(parse_words("a").empty());
    CHECK(parse_words("=") == Words{{"", ""}});
    CHECK(parse_words("a=\"") == Words{{"a", ""}});
    CHECK(parse_words("a=\"\\") == Words{{"a", "\\"}});
    CHECK(parse_words("a=\"\\\\\"") == Words{{"a", "\\"}});
    CHECK(parse_words("a=b  c=d") == Words{{"a", "b"}, {"c", "d"}});
    CHECK(parse_words("a=\"b\"c=d") == Words{{"a", "b"}, {"c", "d"}});
    CHECK(parse_words("\"\"=x") == Words{{"\"\"", "x"}});
    CHECK(parse_words(std::string("a=b\0c", 5)) == Words{{"a", std::string("b\0c", 3)}});
}

TEST_CASE("dns query: the codes that our resolver sends have names", "[dns_query]") {
    for (const int code : {0, 3, 13, 14, 18, 19, 22, 23})
        CHECK_FALSE(ede_name(code).empty());
    CHECK(ede_name(23) == "Network Error");
    for (const int code : {-1, 24, 65535})
        CHECK(ede_name(code).empty());
}
