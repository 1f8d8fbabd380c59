#include "resolver/tcp_server.h"

#include <algorithm>
#include <cstring>

#include "resolver/client_filter.h"
#include "resolver/stats_writer.h"

namespace postern::resolver {
namespace {

constexpr std::size_t kPauseReadingAt =
    64 * 1024;                             // unsent bytes: a client that does not read is not read either
constexpr std::size_t kMostPending = 256;  // questions of one connection that wait for upstreams
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
        server_.handler_.begin_batch();
        std::uint64_t replies = 0;
        framing_.feed(data, [&](core::ByteView message) {
            last_activity_ =
                server_.clock_.mono_us();  // whole messages count; single bytes don't keep a place
            ++pending_;                    // before: the answer may come from inside
            const Handled done = server_.handler_.handle(message, to_, server_.scratch_);
            if (done.size != 0) {
                add(server_.scratch_.data(), done.size);
                ++replies;
            } else if (!done.pending) {
                --pending_;
            }
            return true;
        });
        flush();
        server_.handler_.end_batch(replies);
        if (stream_.unsent() > kPauseReadingAt || pending_ > kMostPending) pause();
    }
    void stream_ended(int error) override {
        half_closed_ = true;
        // A client may close its sending side and still wait for answers (RFC 7766 6.2.4).
        if (error == 0 && (pending_ > 0 || stream_.unsent() > 0)) return;
        server_.remove(id_);
    }
    void stream_drained() override {
        last_activity_ = server_.clock_.mono_us();
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
        stream_.write(std::exchange(output_, {}));
    }
    /// After something left: go on reading, or end a half-closed connection that has got everything.
    void settle() {
        if (half_closed_ && pending_ == 0 && stream_.unsent() == 0) return server_.remove(id_);
        if (paused_ && stream_.unsent() <= kPauseReadingAt && pending_ <= kMostPending) {
            paused_ = false;
            stream_.start_reading();
        }
    }
    /// Idle: nothing asked and nothing owed. A client that has not taken a byte of its answers for the same
    /// time is cut.
    bool overdue(core::Micros now, core::Micros limit) const {
        return now - last_activity_ >= limit && (pending_ == 0 || stream_.unsent() > 0);
    }
    core::Micros last_activity() const { return last_activity_; }

  private:
    void pause() {
        if (half_closed_) return;
        paused_ = true;
        stream_.stop_reading();
    }

    TcpServer& server_;
    std::uint64_t id_;
    TcpStream stream_;
    TcpFraming framing_;
    ReplyTo to_;
    core::Bytes output_;
    core::Micros last_activity_ = 0;
    std::size_t pending_ = 0;
    bool half_closed_ = false;
    bool paused_ = false;
};

TcpServer::TcpServer(core::Loop& loop, core::Clock& clock, QueryHandler& handler, core::StatsPage& stats)
    : loop_(loop),
      clock_(clock),
      handler_(handler),
      stats_(stats),
      scratch_(kMaxMessage),
      idle_timer_(clock) {}
TcpServer::~TcpServer() = default;

int TcpServer::listen(core::UniqueFd fd, const core::SocketAddress& address) {
    auto listener = std::make_unique<Listener>();
    listener->server = this;
    int rc = listener->handle.open(listener.get(), [&](uv_tcp_t* h) { return uv_tcp_init(loop_.raw(), h); });
    if (rc == 0) rc = uv_tcp_open(listener->handle.get(), fd.get());
    if (rc != 0) return rc;
    fd.release();
    rc = uv_listen(
        reinterpret_cast<uv_stream_t*>(listener->handle.get()), kBacklog, [](uv_stream_t* s, int status) {
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

/// All clients together are capped, and so is each address beyond the host: one can't take all places.
bool TcpServer::has_room_for(const core::IpAddress& ip, bool loopback) const {
    if (clients_.size() >= limits_.max_clients) return false;
    if (loopback) return true;
    const auto same = std::count_if(clients_.begin(), clients_.end(),
                                    [&](const auto& c) { return c.second->to().peer.ip() == ip; });
    return static_cast<std::size_t>(same) < std::max<std::size_t>(limits_.max_clients / 8, 4);
}

void TcpServer::accept(uv_stream_t* listener) {
    auto client = std::make_unique<Client>(*this, next_id_++);
    if (!client->open(listener)) return;
    const ReplyTo& to = client->to();
    if (!has_room_for(to.peer.ip(), to.loopback)) {
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
    if (it == clients_.end()) return;  // gone
    if (!it->second->has_output()) unflushed_.push_back(to.endpoint);
    it->second->add(reply, size);
}

void TcpServer::flush() {
    if (unflushed_.empty()) return;
    const std::vector<std::uint64_t> ready = std::exchange(unflushed_, {});
    for (const std::uint64_t id : ready) {
        const auto it = clients_.find(id);
        if (it == clients_.end()) continue;
        it->second->flush();
        it->second->settle();
    }
}

}  // namespace postern::resolver
