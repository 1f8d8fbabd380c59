// SPDX-License-Identifier: Apache-2.0
// A TCP stream in any pieces gives the same messages as the stream in one piece.
#include "resolver/tcp_framing.h"
#include "tests/fuzz/oracle.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const std::size_t step = 1u + data[0] % 37;
    const core::ByteView stream(data + 1, size - 1);
    std::vector<core::Bytes> whole, pieces;
    resolver::TcpFraming one, many;
    one.feed(stream, [&](core::ByteView m) {
        whole.emplace_back(m.begin(), m.end());
        return true;
    });
    for (std::size_t at = 0; at < stream.size(); at += step) {
        many.feed(stream.subspan(at, std::min(step, stream.size() - at)), [&](core::ByteView m) {
            pieces.emplace_back(m.begin(), m.end());
            return true;
        });
    }
    std::size_t bytes = 0;
    for (const auto& m : whole)
        bytes += 2 + m.size();
    fuzz::expect(whole == pieces && bytes <= stream.size() && one.in_message() == (bytes < stream.size()) &&
                 many.in_message() == one.in_message());
    return 0;
}
