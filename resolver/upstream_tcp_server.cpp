// SPDX-License-Identifier: Apache-2.0
#include "resolver/upstream_tcp_server.h"

#include <algorithm>
#include <cerrno>

namespace postern::resolver {
namespace {

constexpr std::size_t kMaxConnections = 8;
constexpr std::size_t kMaxQueued = 1024;
constexpr std::size_t kMaxQueuedBytes = 512 * 1024;
constexpr core::Micros kOneEach = core::kMinute;
constexpr std::uint64_t kTakesSeveral = 10;  // so many replies over one connection: the server pipelines

}  // namespace

UpstreamTcpServer::UpstreamTcpServer(core::Loop& loop, core::Clock& clock, UpstreamEvents& events,
                                     const core::SocketAddress& address)
    : loop_(loop), clock_(clock), events_(events), address_(address), soon_(clock) {}
UpstreamTcpServer::~UpstreamTcpServer() = default;

int UpstreamTcpServer::send(TcpQuery query) {
    if (queue_.size() >= kMaxQueued || queued_bytes_ + query.framed.size() > kMaxQueuedBytes) return ENOBUFS;
    queued_bytes_ += query.framed.size();
    queue_.push_back(std::move(query));
    dispatch();
    const int error = open_as_needed();
    if (error == 0 || !hopeless()) return 0;
    // The other waiting queries are handled from the loop.
    queued_bytes_ -= queue_.back().framed.size();
    queue_.pop_back();
    dispatch_soon();
    return error;
}

bool UpstreamTcpServer::cancel(std::uint64_t handle) {
    const auto carries = [&](const auto& c) { return c->cancel(handle); };
    if (std::any_of(connections_.begin(), connections_.end(), carries)) {
        close_useless();
        dispatch_soon();  // another query may be sent now
        return true;
    }
    const auto it = std::find_if(queue_.begin(), queue_.end(), [&](const auto& q) { return q.handle == handle; });
    if (it == queue_.end()) return false;
    queued_bytes_ -= it->framed.size();
    queue_.erase(it);
    return true;
}

/// The server has dropped queries that followed one that it answered: for a while send one per connection.
bool UpstreamTcpServer::one_each() const {
    return clock_.mono_us() < one_each_until_;
}

/// Sends the waiting queries, in order, over the connections that can take them.
void UpstreamTcpServer::dispatch() {
    close_useless();
    while (!queue_.empty()) {
        TcpConnection* carrier = carrier_for(queue_.front().id);
        if (carrier == nullptr) return;
        queued_bytes_ -= queue_.front().framed.size();
        TcpQuery query = std::move(queue_.front());
        queue_.pop_front();
        carrier->write(std::move(query));
    }
}

TcpConnection* UpstreamTcpServer::carrier_for(std::uint16_t id) {
    for (const auto& c : connections_) {
        if (c->takes(id, one_each())) return c.get();
    }
    return nullptr;
}

/// Opens connections for the queries that still wait: one for all of them, or one each if the server
/// does not pipeline.
int UpstreamTcpServer::open_as_needed() {
    const auto coming =
        std::count_if(connections_.begin(), connections_.end(), [](const auto& c) { return c->connecting(); });
    const std::size_t wanted = one_each() ? queue_.size() : std::min<std::size_t>(queue_.size(), 1);
    for (auto i = static_cast<std::size_t>(coming); i < wanted && connections_.size() < kMaxConnections; ++i) {
        auto connection = std::make_unique<TcpConnection>(*this, clock_, events_);
        if (const int error = connection->open(loop_, address_); error != 0) return error;
        connections_.push_back(std::move(connection));
    }
    return 0;
}

void UpstreamTcpServer::close(TcpConnection* connection) {
    std::erase_if(connections_, [&](const auto& c) { return c.get() == connection; });
}

void UpstreamTcpServer::close_useless() {
    std::erase_if(connections_, [&](const auto& c) { return c->useless(one_each()); });
}

void UpstreamTcpServer::dispatch_soon() {
    if (queue_.empty() || soon_.pending()) return;
    soon_.start_in(0, [this] { go_on(); });
}

void UpstreamTcpServer::go_on() {
    dispatch();
    const int error = open_as_needed();
    if (error != 0 && hopeless()) fail_queue(error);
}

void UpstreamTcpServer::rested(TcpConnection* connection) {
    close(connection);
}

/// There is no connection, open or connecting, that can take the waiting queries.
bool UpstreamTcpServer::hopeless() const {
    return std::all_of(connections_.begin(), connections_.end(), [](const auto& c) { return c->silent(); });
}

void UpstreamTcpServer::broken(TcpConnection* connection, int error) {
    const bool refused = connection->connecting();
    const std::uint64_t answered = connection->answered();
    const auto asked = connection->take_asked();
    close(connection);  // first: a query that is sent again must go over another one
    std::vector<std::uint64_t> lost;
    // A server that has answered many queries over one connection pipelines, and may close one now and then.
    bool dropped = asked.size() > 1 && answered == 0;
    for (const auto& [id, a] : asked) {
        if (a.answered_before == answered) {
            lost.push_back(a.query.cookie);
            continue;
        }
        // Others were answered since this one was sent: neither the query nor the server is at fault.
        dropped = true;
        queued_bytes_ += a.query.framed.size();
        queue_.push_front(a.query);
    }
    if (dropped && answered < kTakesSeveral) one_each_until_ = clock_.mono_us() + kOneEach;
    if (refused) {
        // The server refuses more connections while others are open: the queries wait for those.
        if (hopeless()) fail_queue(error);
        return;
    }
    go_on();
    for (const std::uint64_t cookie : lost)
        events_.on_failure(cookie, error);
}

void UpstreamTcpServer::fail_queue(int error) {
    const std::deque<TcpQuery> waiting = std::exchange(queue_, {});
    queued_bytes_ = 0;
    for (const TcpQuery& q : waiting)
        events_.on_failure(q.cookie, error);
}

}  // namespace postern::resolver
