// SPDX-License-Identifier: Apache-2.0
// Any bytes as frames of a WebSocket server: bounded, and the same outcome in one piece as in many. And what
// we send reads back as what was meant.
#include <algorithm>
#include <cstdlib>

#include "core/bytes.h"
#include "probe/ws_frames.h"

using namespace postern;

namespace {

constexpr probe::WsLimits kLimits{2048, 32};

struct Outcome {
    probe::WsFrames::Progress progress = probe::WsFrames::Progress::kMore;
    std::string message, control, pings;
    int close_code = 0;
    bool explained = false;
    bool operator==(const Outcome&) const = default;
};

Outcome run(std::string_view stream, std::size_t step) {
    probe::WsFrames frames(kLimits);
    Outcome out;
    for (std::size_t at = 0; at < stream.size() && out.progress == probe::WsFrames::Progress::kMore; at += step) {
        frames.feed(stream.substr(at, step));
        while ((out.progress = frames.next()) == probe::WsFrames::Progress::kPing) {
            if (frames.control().size() > 125) std::abort();
            out.pings += frames.control() + '\n';
        }
    }
    if (out.progress != frames.next()) std::abort();
    out.message = frames.message();
    out.control = frames.control();
    out.close_code = frames.close_code();
    out.explained = !frames.problem().empty();
    if (out.message.size() > kLimits.message_bytes || frames.problem().size() > 300) std::abort();
    return out;
}

/// The same frame as a server would send it: without the mask.
std::string unmasked(const std::string& frame) {
    const std::size_t head = (static_cast<std::uint8_t>(frame[1]) & 0x7f) == 126 ? 4 : 2;
    std::string out = frame.substr(0, head);
    out[1] = static_cast<char>(out[1] & 0x7f);
    for (std::size_t i = head + 4; i < frame.size(); ++i)
        out += static_cast<char>(frame[i] ^ frame[head + (i - head - 4) % 4]);
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const std::string_view stream = core::as_text({data + 1, size - 1});
    const Outcome whole = run(stream, std::max<std::size_t>(stream.size(), 1));
    // What is under way when the bytes end depends on nothing but the bytes, too.
    if (!(whole == run(stream, 1u + data[0] % 29))) std::abort();
    const bool failed = whole.progress == probe::WsFrames::Progress::kProtocol ||
                        whole.progress == probe::WsFrames::Progress::kTooLarge;
    if (failed != whole.explained) std::abort();

    const std::string_view said = stream.substr(0, kLimits.message_bytes);
    const Outcome back = run(unmasked(probe::ws_client_frame(probe::WsOpcode::kText, said, 0x01020304u * data[0])), 3);
    if (back.progress != probe::WsFrames::Progress::kMessage || back.message != said) std::abort();
    return 0;
}
