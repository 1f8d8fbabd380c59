// SPDX-License-Identifier: Apache-2.0
// The two ends of a resolver without sockets: a transport that a test answers by hand, and a sink that keeps the replies.
#pragma once

#include <algorithm>

#include "resolver/peer.h"
#include "resolver/upstream_transport.h"
#include "tests/unit/resolver/plan_kit.h"

namespace postern::test {

/// The exchanges that are neither answered, failed nor cancelled.
class FakeTransport final : public resolver::UpstreamTransport {
  public:
    struct Exchange {
        std::uint64_t handle = 0, cookie = 0;
        core::SocketAddress server;
        core::Bytes query;
        bool tcp = false;
    };

    Sent send_udp(std::uint64_t cookie, const core::SocketAddress& server, core::ByteView query) override {
        return send(cookie, server, query, false);
    }
    Sent send_tcp(std::uint64_t cookie, const core::SocketAddress& server, core::ByteView query) override {
        return send(cookie, server, query, true);
    }
    void cancel(std::uint64_t handle) override {
        std::erase_if(open, [&](const Exchange& e) { return e.handle == handle; });
    }
    std::uint16_t local_port(std::uint64_t handle) override {
        const bool udp =
            std::any_of(open.begin(), open.end(), [&](const Exchange& e) { return e.handle == handle && !e.tcp; });
        return udp ? static_cast<std::uint16_t>(20000 + handle % 10000) : std::uint16_t{0};
    }

    /// Passes `message` to exchange `i`; true if it was accepted as the reply.
    bool deliver(std::size_t i, core::ByteView message) {
        const Exchange e = open.at(i);
        const bool over = events->on_reply(e.cookie, message);
        if (over) cancel(e.handle);
        return over;
    }
    void fail(std::size_t i, int error) {
        const Exchange e = open.at(i);
        cancel(e.handle);
        events->on_failure(e.cookie, error);
    }
    void answer(std::size_t i, std::uint16_t rcode, const std::vector<std::string>& answers,
                const std::vector<std::string>& authorities = {}, bool opt = true) {
        deliver(i, reply_to(open.at(i).query, rcode, answers, authorities, opt));
    }

    resolver::UpstreamEvents* events = nullptr;
    std::vector<Exchange> open;
    std::size_t sent = 0;
    int refuse_with = 0;      // errno that every send gives
    int refuse_udp_with = 0;  // the same for UDP alone

  private:
    Sent send(std::uint64_t cookie, const core::SocketAddress& server, core::ByteView query, bool tcp) {
        if (refuse_with != 0) return {refuse_with, 0};
        if (!tcp && refuse_udp_with != 0) return {refuse_udp_with, 0};
        ++sent;
        open.push_back({next_, cookie, server, core::Bytes(query.begin(), query.end()), tcp});
        return {0, next_++};
    }
    std::uint64_t next_ = 1;
};

inline bool has_opt(core::ByteView query) {
    return core::load_be16(query.data() + 10) != 0;
}
inline bool has_cookie(core::ByteView query) {
    return has_opt(query) && core::as_text(query).find(std::string_view("\0\x0a\0", 3)) != std::string_view::npos;
}

class FakeSink final : public resolver::ReplySink {
  public:
    void send(const resolver::ReplyTo&, const std::uint8_t* reply, std::size_t size) override {
        replies.emplace_back(reply, reply + size);
    }
    std::vector<core::Bytes> replies;
};

}  // namespace postern::test
