// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/server_query.h"

#include <sys/socket.h>

#include <thread>

#include "core/bytes.h"
#include "core/fd.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

/// Answers `count` queries, each with what the function makes of it, in a thread of its own.
class Server {
  public:
    Server(int count, std::function<core::Bytes(core::Bytes)> answer)
        : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_storage where;
        socklen_t size = core::SocketAddress::parse("127.0.0.1:0", 0)->to(&where);
        REQUIRE(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&where), size) == 0);
        REQUIRE(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&where), &size) == 0);
        address = *core::SocketAddress::from(reinterpret_cast<sockaddr*>(&where));
        thread_ = std::thread([this, count, answer = std::move(answer)] {
            for (int i = 0; i < count; ++i) {
                core::Bytes query(512);
                sockaddr_storage from;
                socklen_t length = sizeof from;
                const ssize_t n =
                    ::recvfrom(fd_.get(), query.data(), query.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
                if (n < 0) return;
                query.resize(static_cast<std::size_t>(n));
                const core::Bytes reply = answer(query);
                ::sendto(fd_.get(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), length);
            }
        });
    }
    ~Server() { thread_.join(); }

    core::SocketAddress address;

  private:
    core::UniqueFd fd_;
    std::thread thread_;
};

/// The query as a reply with these records, whose owner is the question's name.
core::Bytes reply_to(core::Bytes query, std::uint8_t rcode, std::vector<core::Bytes> addresses) {
    query[2] |= 0x80;
    query[3] = rcode;
    query[7] = static_cast<std::uint8_t>(addresses.size());
    for (const auto& address : addresses) {
        const core::Bytes head = {0xc0, 12, 0, static_cast<std::uint8_t>(address.size() == 4 ? 1 : 28),
                                  0,    1,  0, 0,
                                  0,    9,  0, static_cast<std::uint8_t>(address.size())};
        query.insert(query.end(), head.begin(), head.end());
        query.insert(query.end(), address.begin(), address.end());
    }
    return query;
}

}  // namespace

TEST_CASE("hostdns: a server is asked for both kinds of addresses", "[hostdns]") {
    core::Bytes asked;
    Server server(2, [&](core::Bytes query) {
        const bool first = asked.empty();
        if (first) asked = query;
        core::Bytes v6(16);
        v6[15] = 1;
        return reply_to(query, 0, {first ? core::Bytes{10, 0, 7, 1} : v6});
    });
    const auto answer = ask_server(server.address, "db.lab.", 5 * core::kSecond);
    REQUIRE(answer);
    CHECK(answer->rcode == 0);
    CHECK(answer->addresses == std::vector{*core::IpAddress::parse("10.0.7.1"), *core::IpAddress::parse("::1")});
    CHECK(core::as_text(core::ByteView(asked).subspan(12)) == std::string_view("\2db\3lab\0\0\1\0\1", 12));
}

TEST_CASE("hostdns: an answer without addresses is an answer, and nothing more is asked", "[hostdns]") {
    Server server(1, [](core::Bytes query) { return reply_to(std::move(query), 3, {}); });
    const auto answer = ask_server(server.address, "db.lab", 5 * core::kSecond);
    REQUIRE(answer);
    CHECK(answer->rcode == 3);
    CHECK(answer->addresses.empty());
}

TEST_CASE("hostdns: what is cut in a record is not an answer, what is no name is not asked", "[hostdns]") {
    Server server(1, [](core::Bytes query) {
        core::Bytes reply = reply_to(std::move(query), 0, {{10, 0, 7, 1}});
        reply.pop_back();
        return reply;
    });
    CHECK(ask_server(server.address, "db.lab", 5 * core::kSecond).error().code == core::Code::kDnsFailed);
    for (const std::string& name : {std::string("a..b"), std::string(64, 'a'), std::string(300, 'a')})
        CHECK(ask_server(server.address, name, core::kSecond).error().code == core::Code::kUsage);
}

TEST_CASE("hostdns: a closed port refuses at once", "[hostdns]") {
    core::SocketAddress address;
    {
        const Server gone(0, [](core::Bytes query) { return query; });
        address = gone.address;
    }
    CHECK_FALSE(ask_server(address, kLocalName, 5 * core::kSecond));
}
