// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/served_request.h"

#include <microhttpd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "core/log.h"

namespace postern::agent {

namespace {

constexpr std::size_t kStreamBlock = 16 << 10;

int socket_of(MHD_Connection* connection) {
    const MHD_ConnectionInfo* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info == nullptr ? -1 : info->connect_fd;
}

void add_headers(MHD_Response* response, const HttpReply& reply) {
    const auto has = [&reply](std::string_view name) {
        return std::any_of(reply.headers.begin(), reply.headers.end(), [&](const auto& h) { return h.first == name; });
    };
    MHD_add_response_header(response, "Content-Type", reply.content_type.c_str());
    for (const auto& [name, value] : reply.headers)
        MHD_add_response_header(response, name.c_str(), value.c_str());
    if (!has("Cache-Control")) MHD_add_response_header(response, "Cache-Control", "no-store");
    if (!has("Content-Security-Policy")) {
        MHD_add_response_header(response, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    }
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
}

}  // namespace

/// The writer's end outlives the request; `request` is null once it is over.
class ServedRequest::Stream final : public HttpStream {
  public:
    explicit Stream(ServedRequest* r) : request(r) {}

    bool write(std::string_view bytes) override {
        if (!open()) return false;
        if (unread() > kStreamBacklog) {
            // Bounds the cost of a client that does not read; it may reconnect.
            core::log_debug("http_stream_cut", "a client reads too slowly");
            request->cut();
            return false;
        }
        buffer.append(bytes);
        request->wake();
        return true;
    }
    bool open() const override { return request != nullptr; }

    std::size_t unread() const { return buffer.size() - used; }
    std::size_t take(char* to, std::size_t size) {
        const std::size_t n = std::min(size, unread());
        std::memcpy(to, buffer.data() + used, n);
        used += n;
        if (unread() == 0 || used > kStreamBacklog) buffer.erase(0, std::exchange(used, 0));
        return n;
    }

    ServedRequest* request;
    std::string buffer;
    std::size_t used = 0;
};

ServedRequest::~ServedRequest() {
    if (stream_) stream_->request = nullptr;
}

void ServedRequest::begin(HttpReply reply) {
    begun_ = true;
    reply_ = std::move(reply);
    if (!reply_.later) return;
    waits_ = true;
    work_ = reply_.later([this](HttpReply made) { deliver(std::move(made)); });
}

void ServedRequest::deliver(HttpReply reply) {
    reply_ = std::move(reply);
    waits_ = false;
    wake();
}

bool ServedRequest::proceed() {
    if (gone_) return false;
    if (waits_) {
        suspend();
        return true;
    }
    if (reply_.stream) return queue(stream_response());
    return queue(MHD_create_response_from_buffer(reply_.body.size(), reply_.body.data(), MHD_RESPMEM_MUST_COPY));
}

bool ServedRequest::queue(MHD_Response* response) {
    if (response == nullptr) return false;
    add_headers(response, reply_);
    const MHD_Result queued = MHD_queue_response(connection_, static_cast<unsigned>(reply_.status), response);
    MHD_destroy_response(response);
    return queued == MHD_YES;
}

MHD_Response* ServedRequest::stream_response() {
    stream_ = std::make_shared<Stream>(this);
    reply_.stream(stream_);
    return MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, kStreamBlock,
        [](void* self, std::uint64_t, char* to, std::size_t size) -> ssize_t {
            return static_cast<ServedRequest*>(self)->read_stream(to, size);
        },
        this, nullptr);
}

std::ptrdiff_t ServedRequest::read_stream(char* to, std::size_t size) {
    if (gone_) return MHD_CONTENT_READER_END_WITH_ERROR;
    if (stream_->unread() == 0) {
        suspend();
        return 0;
    }
    return static_cast<std::ptrdiff_t>(stream_->take(to, size));
}

void ServedRequest::suspend() {
    suspended_ = true;
    MHD_suspend_connection(connection_);
    // The library polls no socket of a suspended connection.
    client_.start(loop_, socket_of(connection_), UV_DISCONNECT, [this](int, int) { cut(); });
}

void ServedRequest::wake() {
    if (!std::exchange(suspended_, false)) return;
    client_.stop();
    MHD_resume_connection(connection_);  // takes effect in the library's next run
    turn_soon_();
}

/// The client has gone, or is disconnected.
void ServedRequest::cut() {
    if (std::exchange(gone_, true)) return;
    work_.reset();
    if (stream_) {
        stream_->request = nullptr;
        stream_->buffer = std::string();  // `= {}` would keep the memory
        stream_->used = 0;
    }
    ::shutdown(socket_of(connection_), SHUT_RDWR);  // else the library would wait for a client that does not read
    wake();
}

void ServedRequest::abandon() {
    cut();
}

}  // namespace postern::agent
