// SPDX-License-Identifier: Apache-2.0
// Any bytes of an upstream as the reply to a question in flight: never a crash; a message that ldns reads is
// still one after us, fresh and from the cache; and none that is not ours reaches the client.
#include "tests/fuzz/oracle.h"

using namespace postern;

namespace {

void check(core::ByteView from_upstream, core::ByteView to_client, std::uint16_t id) {
    fuzz::expect(to_client.size() >= 12 && core::load_be16(to_client.data()) == id);
    fuzz::expect((to_client[2] & 0x84) == 0x80);  // QR, and never AA
    if (fuzz::ldns_accepts(from_upstream)) fuzz::expect(fuzz::ldns_accepts(to_client));
}

}  // namespace

// Input: a byte of choices, the header from its flags on (10 bytes), then everything behind the question.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 11) return 0;
    test::Bench b(data[0]);
    b.use(test::usual_plan(1));
    resolver::CacheSettings small;
    small.bytes = 128 * 1024;
    b.cache.configure(small);
    test::Query q{.name = "www.example.", .type = (data[0] & 1) ? std::uint16_t{28} : std::uint16_t{1}};
    if (data[0] & 2) q.edns_size = 1232;
    q.dnssec_ok = (data[0] & 4) != 0;
    const auto stream_client = test::client_at("127.0.0.1:4000", core::Proto::kTcp);
    b.ask(q, stream_client);
    auto& open = b.transport.open;
    const auto asked = open.at(0).query;
    core::Bytes message(asked.begin(), asked.begin() + 12 + 13 + 4);
    std::copy(data + 1, data + 11, message.begin() + 2);
    if ((data[0] & 8) == 0) message[2] = static_cast<std::uint8_t>((message[2] & 0x07) | 0x80);  // mostly ours
    if ((data[0] & 8) == 0) message[4] = 0, message[5] = 1;
    message.insert(message.end(), data + 11, data + size);
    if (message.size() > 65535 || fuzz::has_tsig(message)) return 0;

    b.transport.deliver(0, message);
    if (!b.sink.replies.empty()) check(message, b.last(), q.id);
    const auto again = b.ask(q, stream_client);
    if (!again.empty()) check(message, again, q.id);
    b.clock.advance(2 * core::kHour);
    while (!open.empty())
        b.transport.fail(0, ECONNREFUSED);
    b.ask(q, stream_client);
    while (!open.empty())
        b.transport.fail(0, ECONNREFUSED);
    fuzz::expect(b.forwarder.inflight() == 0);
    return 0;
}
