// SPDX-License-Identifier: Apache-2.0
#include "resolver/tcp_server.h"

#include <algorithm>
#include <cstring>

#include "resolver/client_filter.h"
#include "resolver/stats_writer.h"

namespace postern::resolver {
namespace {

// Back-pressure: with so many bytes of unsent replies no more queries of this client are read. A connection buffers
// this and one reply at most.
constexpr std::size_t kMaxUnsent = 64 * 1024;
constexpr std::size_t kMaxPending = 256;  // queries of one connection that wait for upstreams
constexpr int kBacklog = 256;

}  // namespace

struct TcpServer::Listener {
    TcpServer* server;
    core::UvHandle<uv_tcp_t, Listener> handle;
};

class TcpServer::Client final : public TcpStream::Owner {
  public:
    Client(TcpServer& server, std::uint64_t id) : server_(server), id_(id), stream_(*this) {}

    bool open(uv_stream_t* listener) {
        if (stream_.accept(server_.loop_, listener) != 0) return false;
        int size = sizeof to_.peer;
        if (uv_tcp_getpeername(stream_.raw(), &to_.peer.any, &size) != 0) return false;
        to_.endpoint = id_;
        to_.proto = core::Proto::kTcp;
        to_.loopback = is_loopback(to_.peer);
        last_activity_ = server_.clock_.mono_us();
        return true;
    }
    void start() { stream_.start_reading(); }
    const ReplyTo& to() const { return to_; }

    void stream_connected(int) override {}
    void stream_data(core::ByteView data) override {
        if (paused_) return;  // reading goes on only to get the error of a broken connection
        const std::size_t left = answer(data);
        if (left > 0) kept_.assign(data.end() - static_cast<std::ptrdiff_t>(left), data.end());
        if (!has_room()) pause();
    }
    void stream_ended(int error) override {
        half_closed_ = true;
        // A client may close its sending side and still wait for replies (RFC 7766 6.2.4).
        if (error == 0 && owes()) return;
        server_.remove(id_);
    }
    void stream_drained() override {
        note_progress(server_.clock_.mono_us());
        settle();
    }

    void add(const std::uint8_t* reply, std::size_t size) {
        if (pending_ > 0) --pending_;
        const std::size_t at = output_.size();
        output_.resize(at + 2 + size);
        core::store_be16(output_.data() + at, static_cast<std::uint16_t>(size));
        std::memcpy(output_.data() + at + 2, reply, size);
    }
    bool has_output() const { return !output_.empty(); }
    void flush() {
        if (output_.empty()) return;
        written_ += output_.size();
        stream_.write(std::exchange(output_, {}));
    }
    /// After data was sent: handles the kept queries, then resumes reading, or closes a half-closed connection that
    /// has got all its replies.
    void settle() {
        if (paused_ && has_room()) resume();
        if (half_closed_ && !owes()) server_.remove(id_);
    }
    /// Replies are pending or unsent, or queries were read but not handled.
    bool owes() const { return pending_ > 0 || has_output() || stream_.unsent() > 0 || !kept_.empty(); }
    /// For the idle timeout: no query and no pending reply for so long, or no byte of its replies taken for so long.
    bool overdue(core::Micros now, core::Micros limit) {
        if (stream_.unsent() > 0) note_progress(now);
        if (now - last_activity_ < limit) return false;
        return stream_.unsent() > 0 || (pending_ == 0 && !has_output());
    }
    core::Micros last_activity() const { return last_activity_; }

  private:
    /// Handles the queries in `data` until there is no room for more replies; returns how many bytes are left. Copies
    /// nothing as long as the socket takes the replies.
    std::size_t answer(core::ByteView data) {
        server_.handler_.begin_batch();
        std::uint64_t replies = 0;
        bool asked = false;
        do {
            data = data.subspan(framing_.feed(data, [&](core::ByteView message) {
                ++pending_;  // before the call: the reply may come from inside
                const Handled done = server_.handler_.handle(message, to_, server_.scratch_);
                if (done.size != 0) {
                    add(server_.scratch_.data(), done.size);
                    ++replies;
                } else if (!done.pending) {
                    --pending_;
                }
                asked = asked || done.size != 0 || done.pending;
                return has_room();
            }));
            flush();
        } while (!data.empty() && has_room());
        server_.handler_.end_batch(replies);
        // Only a query with a reply counts as activity: not single bytes or empty messages.
        if (asked) last_activity_ = server_.clock_.mono_us();
        return data.size();
    }
    bool has_room() const { return output_.size() + stream_.unsent() <= kMaxUnsent && pending_ <= kMaxPending; }
    void pause() {
        paused_ = true;
        stream_.stop_reading();
    }
    void resume() {
        if (!kept_.empty()) {
            kept_from_ = kept_.size() - answer(core::ByteView(kept_).subspan(kept_from_));
            if (kept_from_ < kept_.size()) return;
            kept_ = core::Bytes();  // `= {}` would keep the memory
            kept_from_ = 0;
            if (!has_room()) return;
        }
        paused_ = false;
        stream_.start_reading();
    }
    /// A client that reads slowly is not idle as long as bytes are sent.
    void note_progress(core::Micros now) {
        const std::uint64_t taken = written_ - stream_.unsent();
        if (std::exchange(taken_, taken) != taken) last_activity_ = now;
    }

    TcpServer& server_;
    std::uint64_t id_;
    TcpStream stream_;
    TcpFraming framing_;
    ReplyTo to_;
    core::Bytes output_;
    core::Bytes kept_;  // while paused: one read, with unhandled queries from kept_from_ on
    std::size_t kept_from_ = 0;
    std::uint64_t written_ = 0, taken_ = 0;  // total bytes: given to the stream, taken by the kernel
    core::Micros last_activity_ = 0;
    std::size_t pending_ = 0;
    bool half_closed_ = false;
    bool paused_ = false;
};

TcpServer::TcpServer(core::Loop& loop, core::Clock& clock, QueryHandler& handler, core::StatsPage& stats)
    : loop_(loop), clock_(clock), handler_(handler), stats_(stats), scratch_(kMaxMessage), idle_timer_(clock) {}
TcpServer::~TcpServer() = default;

int TcpServer::listen(core::UniqueFd fd, const core::SocketAddress& address) {
    auto listener = std::make_unique<Listener>();
    listener->server = this;
    int rc = listener->handle.open(listener.get(), [&](uv_tcp_t* h) { return uv_tcp_init(loop_.raw(), h); });
    if (rc == 0) rc = uv_tcp_open(listener->handle.get(), fd.get());
    if (rc != 0) return rc;
    fd.release();
    rc = uv_listen(reinterpret_cast<uv_stream_t*>(listener->handle.get()), kBacklog, [](uv_stream_t* s, int status) {
        Listener* self = core::UvHandle<uv_tcp_t, Listener>::owner(reinterpret_cast<uv_tcp_t*>(s));
        if (self == nullptr || status != 0) return;
        self->server->accept(s);
    });
    if (rc == 0) listeners_[address] = std::move(listener);
    return rc;
}

void TcpServer::stop_listening(const core::SocketAddress& address) {
    listeners_.erase(address);
}

/// Limits the number of connections, in total and per address off this host. At the total limit it closes the
/// connection that has been idle for longest (RFC 7766 6.2.3) and has no pending reply.
bool TcpServer::make_room_for(const ReplyTo& newcomer) {
    if (!newcomer.loopback) {
        const auto same = std::count_if(clients_.begin(), clients_.end(),
                                        [&](const auto& c) { return c.second->to().peer.ip() == newcomer.peer.ip(); });
        const std::size_t most = std::max<std::size_t>(limits_.max_clients / 8, 4);
        if (static_cast<std::size_t>(same) >= most) return false;
    }
    if (clients_.size() < limits_.max_clients) return true;
    const Client* idlest = nullptr;
    for (const auto& [id, client] : clients_) {
        if (client->owes()) continue;
        if (idlest == nullptr || client->last_activity() < idlest->last_activity()) idlest = client.get();
    }
    if (idlest == nullptr) return false;
    count(stats_, core::ResolverEvent::kTcpRejected);
    remove(idlest->to().endpoint);
    return clients_.size() < limits_.max_clients;
}

void TcpServer::accept(uv_stream_t* listener) {
    auto client = std::make_unique<Client>(*this, next_id_++);
    if (!client->open(listener)) return;
    const ReplyTo& to = client->to();
    if (!handler_.plan()->filter.allows(to.peer)) {
        // Over UDP the reply is REFUSED; a TCP connection for that is not worth its resources.
        count(stats_, core::ResolverEvent::kRefusedClient);
        return;
    }
    if (!make_room_for(to)) {
        count(stats_, core::ResolverEvent::kTcpRejected);
        return;
    }
    count(stats_, core::ResolverEvent::kTcpAccepted);
    Client& kept = *client;
    clients_.emplace(to.endpoint, std::move(client));
    stats_.tcp_clients = clients_.size();
    watch_idle();
    kept.start();
}

void TcpServer::remove(std::uint64_t id) {
    clients_.erase(id);
    stats_.tcp_clients = clients_.size();
}

void TcpServer::watch_idle() {
    if (clients_.empty() || idle_timer_.pending()) return;
    core::Micros next = core::kNever;
    for (const auto& [id, client] : clients_)
        next = std::min(next, client->last_activity());
    idle_timer_.start_at(std::max(next + limits_.idle_us, clock_.mono_us() + 100 * core::kMillisecond),
                         [this] { sweep(); });
}

void TcpServer::sweep() {
    const core::Micros now = clock_.mono_us();
    std::erase_if(clients_, [&](const auto& c) { return c.second->overdue(now, limits_.idle_us); });
    stats_.tcp_clients = clients_.size();
    watch_idle();
}

void TcpServer::send(const ReplyTo& to, const std::uint8_t* reply, std::size_t size) {
    const auto it = clients_.find(to.endpoint);
    if (it == clients_.end()) return;  // closed
    if (!it->second->has_output()) unflushed_.push_back(to.endpoint);
    it->second->add(reply, size);
}

void TcpServer::flush() {
    // This may handle more queries, and so queue replies for other clients.
    while (!unflushed_.empty()) {
        const std::vector<std::uint64_t> ready = std::exchange(unflushed_, {});
        for (const std::uint64_t id : ready) {
            const auto it = clients_.find(id);
            if (it == clients_.end()) continue;
            it->second->flush();
            it->second->settle();
        }
    }
}

}  // namespace postern::resolver
