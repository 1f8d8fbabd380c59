// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/event_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace postern::agent {

namespace {

constexpr std::size_t kStatusBytesATick = 256 << 10, kMaxTicks = 5;
constexpr std::string_view kGreeting = "retry: 2000\n\n";
constexpr std::string_view kHeartbeat = ":\n\n";

/// The fields that change in every document.
std::string without_time(StatusSnapshot snapshot) {
    snapshot.now_wall_us = 0;
    return status_json(snapshot);
}

/// An event's data is one line. In JSON a line end is only layout.
std::string one_line(std::string_view json) {
    std::string out;
    out.reserve(json.size());
    for (std::size_t i = 0; i < json.size(); ++i) {
        if (json[i] != '\n') {
            out += json[i];
            continue;
        }
        while (i + 1 < json.size() && json[i + 1] == ' ')
            ++i;
    }
    return out;
}

std::string status_event(const StatusSnapshot& snapshot) {
    return "event: status\ndata: " + one_line(status_json(snapshot)) + "\n\n";
}

}  // namespace

EventStream::EventStream(core::Clock& clock, ServedAgent& agent, EventStreamLimits limits)
    : clock_(clock), agent_(agent), limits_(limits), run_(fmt::format("{:x}", clock.wall_us())), timer_(clock) {}

HttpReply EventStream::answer(const HttpQuery& query) {
    if (clients() >= limits_.clients) {
        HttpReply reply = HttpReply::text(
            503, fmt::format("503: {} clients listen already, more are not served.\n", limits_.clients));
        reply.headers.emplace_back("Retry-After", "10");
        return reply;
    }
    HttpReply reply;
    reply.content_type = "text/event-stream";
    reply.headers.emplace_back("X-Accel-Buffering",
                               "no");  // nginx in between would buffer events
    reply.stream = [this, last_id = query.header("last-event-id")](std::shared_ptr<HttpStream> stream) {
        welcome(std::move(stream), last_id);
    };
    return reply;
}

std::size_t EventStream::clients() {
    std::erase_if(clients_, [](const Client& c) { return !c.stream->open(); });
    return clients_.size();
}

void EventStream::welcome(std::shared_ptr<HttpStream> stream, const std::string& last_id) {
    const StatusSnapshot now = agent_.snapshot();
    if (clients() == 0) last_status_ = without_time(now);
    clients_.push_back({std::move(stream), 0});
    Client& client = clients_.back();
    send(client, kGreeting);
    if (!last_id.empty()) send(client, missed_since(last_id));
    send(client, status_event(now));
    if (!timer_.pending()) timer_.start_in(limits_.tick_us, [this] { tick(); });
}

/// With an ID of another run of the agent, or none, everything in the ring is new to the client.
std::string EventStream::missed_since(const std::string& last_id) const {
    std::uint64_t last_seq = 0;
    if (last_id.starts_with(run_ + "-")) {
        const char* end = last_id.data() + last_id.size();
        std::from_chars(last_id.data() + run_.size() + 1, end, last_seq);
    }
    std::vector<std::string> events;  // newest first
    std::size_t bytes = 0;
    for (const auto& record : agent_.records({}, limits_.replayed)) {
        if (record.seq <= last_seq) break;
        events.push_back(event_of(record));
        bytes += events.back().size();
        if (bytes > limits_.replayed_bytes) break;
    }
    std::string out;
    for (auto event = events.rbegin(); event != events.rend(); ++event)
        out += *event;
    return out;
}

std::string EventStream::event_of(const probe::Record& record) const {
    return fmt::format("id: {}-{}\nevent: probe\ndata: {}\n\n", run_, record.seq, probe::to_json(record));
}

void EventStream::record(const probe::Record& record) {
    if (!clients_.empty()) send_all(event_of(record));
}

void EventStream::send(Client& client, std::string_view text) {
    if (!text.empty() && client.stream->write(text)) client.heard_us = clock_.mono_us();
}

void EventStream::send_all(std::string_view text) {
    for (Client& client : clients_)
        send(client, text);
}

void EventStream::tick() {
    if (clients() == 0) return;  // no clients: no timer either
    const StatusSnapshot now = agent_.snapshot();
    if (std::string status = without_time(now); status != last_status_) {
        last_status_ = std::move(status);
        send_all(status_event(now));
    }
    for (Client& client : clients_) {
        if (clock_.mono_us() - client.heard_us >= limits_.silence_us) send(client, kHeartbeat);
    }
    // A thousand addresses make a megabyte, and it changes every second.
    const auto ticks = std::min(1 + last_status_.size() / kStatusBytesATick, kMaxTicks);
    timer_.start_in(static_cast<core::Micros>(ticks) * limits_.tick_us, [this] { tick(); });
}

}  // namespace postern::agent
