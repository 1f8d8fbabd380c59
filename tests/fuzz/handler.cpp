// SPDX-License-Identifier: Apache-2.0
// Any packet of a client through the whole query path: what comes back must be a reply to it, within the
// client's size, and ldns must be able to read it.
#include "tests/fuzz/oracle.h"

using namespace postern;

namespace {

test::Bench& bench() {
    static auto* b = [] {
        auto* made = new test::Bench;
        auto plan = test::usual_plan(0);  // no upstream: every answer comes at once
        std::vector<std::string> many;
        for (int i = 1; i < 60; ++i)
            many.push_back("10.0.1." + std::to_string(i));
        plan.owners.push_back(test::owner_of("big.example.", many, many, 0));
        made->use(plan);
        return made;
    }();
    return *b;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const core::ByteView packet(data, size);
    auto& b = bench();
    for (const auto proto : {core::Proto::kUdp, core::Proto::kTcp}) {
        b.sink.replies.clear();
        core::Bytes reply = b.ask(packet, test::client_at("127.0.0.1:4000", proto));
        if (reply.empty()) reply = b.last();
        if (size < 12 || (data[2] & 0x80) != 0) {
            fuzz::expect(reply.empty());
            continue;
        }
        fuzz::expect(reply.size() >= 12 && reply[0] == data[0] && reply[1] == data[1] && (reply[2] & 0x80) != 0);
        const bool is_query = (data[2] & 0x78) == 0;
        fuzz::expect(((reply[2] ^ data[2]) & 0x78) == 0);                              // opcode
        fuzz::expect((reply[2] & 1) == (is_query ? data[2] & 1 : 0));                  // RD
        fuzz::expect(is_query || ((reply[2] & 0x07) == 0 && (reply[3] & 0xf0) == 0));  // no other flags
        fuzz::expect((reply[3] & 0x40) == 0);                                          // Z
        if (proto == core::Proto::kUdp) fuzz::expect(reply.size() <= resolver::kMaxLocalReply);
        fuzz::expect(fuzz::ldns_accepts(reply));
    }
    b.clock.advance(10 * core::kSecond);
    return 0;
}
