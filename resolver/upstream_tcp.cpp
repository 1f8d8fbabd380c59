#include "resolver/upstream_tcp.h"

#include <algorithm>
#include <cerrno>

namespace postern::resolver {
namespace {

constexpr core::Micros kIdle = 10 * core::kSecond;

}  // namespace

class UpstreamTcp::Connection final : public TcpStream::Owner {
  public:
    Connection(UpstreamTcp& all, const core::SocketAddress& server)
        : all_(all), server_(server), stream_(*this), idle_(all.clock_) {}

    int open() { return stream_.connect(all_.loop_, server_); }

    void send(std::uint64_t handle, std::uint64_t cookie, core::ByteView query) {
        idle_.stop();
        exchanges_.push_back({handle, cookie});
        core::Bytes framed(2 + query.size());
        core::store_be16(framed.data(), static_cast<std::uint16_t>(query.size()));
        std::copy(query.begin(), query.end(), framed.begin() + 2);
        if (connected_) return stream_.write(std::move(framed));
        waiting_.insert(waiting_.end(), framed.begin(), framed.end());
    }
    bool cancel(std::uint64_t handle) {
        const bool had =
            std::erase_if(exchanges_, [&](const Exchange& e) { return e.handle == handle; }) != 0;
        if (had) rest_when_idle();
        return had;
    }

    void stream_connected(int error) override {
        if (error != 0) return break_off(-error);
        connected_ = true;
        stream_.start_reading();
        stream_.write(std::exchange(waiting_, {}));
    }
    void stream_data(core::ByteView data) override {
        framing_.feed(data, [this](core::ByteView message) { return deliver(message); });
    }
    void stream_ended(int) override { break_off(ECONNRESET); }
    void stream_drained() override {}

  private:
    struct Exchange {
        std::uint64_t handle, cookie;
    };

    bool deliver(core::ByteView message) {
        // Copied: a reply may start and end other exchanges of this connection.
        const std::vector<Exchange> asked = exchanges_;
        for (const Exchange& e : asked) {
            if (!all_.events_.on_reply(e.cookie, message)) continue;
            std::erase_if(exchanges_, [&](const Exchange& x) { return x.handle == e.handle; });
            break;
        }
        rest_when_idle();
        return true;
    }
    void rest_when_idle() {
        if (exchanges_.empty() && !idle_.pending()) idle_.start_in(kIdle, [this] { all_.remove(this); });
    }
    void break_off(int error) {
        const std::vector<Exchange> left = std::move(exchanges_);
        UpstreamEvents& events = all_.events_;
        all_.remove(this);  // first: whoever asks again gets a new connection. This object is gone now
        for (const Exchange& e : left)
            events.on_failure(e.cookie, error);
    }

    UpstreamTcp& all_;
    core::SocketAddress server_;
    TcpStream stream_;
    TcpFraming framing_;
    core::Timer idle_;
    bool connected_ = false;
    core::Bytes waiting_;  // written once connected
    std::vector<Exchange> exchanges_;
    friend class UpstreamTcp;
};

UpstreamTcp::UpstreamTcp(core::Loop& loop, core::Clock& clock, UpstreamEvents& events)
    : loop_(loop), clock_(clock), events_(events) {}
UpstreamTcp::~UpstreamTcp() = default;

UpstreamTransport::Sent UpstreamTcp::send(std::uint64_t cookie, const core::SocketAddress& server,
                                          core::ByteView query) {
    auto& connection = connections_[server];
    if (connection == nullptr) {
        connection = std::make_unique<Connection>(*this, server);
        if (const int rc = connection->open(); rc != 0) {
            connections_.erase(server);
            return {-rc, 0};
        }
    }
    const std::uint64_t handle = next_handle_++;
    connection->send(handle, cookie, query);
    return {0, handle};
}

void UpstreamTcp::cancel(std::uint64_t handle) {
    for (auto& [server, connection] : connections_) {
        if (connection->cancel(handle)) return;
    }
}

void UpstreamTcp::remove(Connection* connection) {
    connections_.erase(core::SocketAddress(connection->server_));
}

}  // namespace postern::resolver
