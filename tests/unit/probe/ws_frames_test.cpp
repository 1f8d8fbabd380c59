// SPDX-License-Identifier: Apache-2.0
// WebSocket frames: valid ones in any pieces; invalid ones are refused as early as possible.
#include "probe/ws_frames.h"

#include <vector>

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::probe;
using Progress = WsFrames::Progress;

namespace {

std::string frame(unsigned first, std::string_view payload) {
    std::string out(1, static_cast<char>(first));
    if (payload.size() < 126) {
        out += static_cast<char>(payload.size());
    } else {
        out += static_cast<char>(126);
        out += static_cast<char>(payload.size() >> 8);
        out += static_cast<char>(payload.size());
    }
    return out.append(payload);
}

constexpr unsigned kFin = 0x80;
constexpr unsigned kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10;

/// The result for these bytes, fed `step` at a time; pings are counted and skipped.
struct Outcome {
    Progress progress;
    int pings = 0;
};

Outcome read(WsFrames& frames, std::string_view bytes, std::size_t step) {
    Outcome out{Progress::kMore};
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        frames.feed(bytes.substr(at, step));
        while ((out.progress = frames.next()) == Progress::kPing)
            ++out.pings;
        if (out.progress != Progress::kMore) break;
    }
    return out;
}

}  // namespace

TEST_CASE("ws frames: a client frame is final and masked, as in the RFC's example", "[ws]") {
    // RFC 6455 5.7: "Hello" under the mask 37 fa 21 3d.
    CHECK(ws_client_frame(WsOpcode::kText, "Hello", 0x37fa213d) ==
          std::string("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"));
    const std::string longer = ws_client_frame(WsOpcode::kText, std::string(300, 'x'), 0x01020304);
    CHECK(longer.size() == 4 + 4 + 300);
    CHECK(longer.substr(0, 4) == std::string("\x81\xfe\x01\x2c", 4));
    CHECK(ws_client_frame(WsOpcode::kPong, "", 0).size() == 6);
}

TEST_CASE("ws frames: a message is read in one frame, in fragments, between pings, in any pieces", "[ws]") {
    for (const std::size_t step : {1u, 2u, 3u, 7u, 100000u}) {
        INFO(step);
        {
            WsFrames frames;
            CHECK(read(frames, frame(kFin | kText, "{}"), step).progress == Progress::kMessage);
            CHECK(frames.message() == "{}");
            CHECK(frames.is_text());
            CHECK(frames.next() == Progress::kMessage);
        }
        {
            WsFrames frames;
            const auto got = read(frames,
                                  frame(kFin | kPong, "late") + frame(kText, "{\"a\"") + frame(kFin | kPing, "beat") +
                                      frame(0, ":") + frame(kFin | kPing, "") + frame(kFin | 0, "1}"),
                                  step);
            CHECK(got.progress == Progress::kMessage);
            CHECK(got.pings == 2);
            CHECK(frames.message() == "{\"a\":1}");
        }
        {
            WsFrames frames;
            CHECK(read(frames, frame(kFin | kBinary, std::string(40000, 'b')), step).progress == Progress::kMessage);
            CHECK_FALSE(frames.is_text());
            CHECK(frames.message().size() == 40000);
        }
    }
}

TEST_CASE("ws frames: a ping has its payload, a close frame its code and reason", "[ws]") {
    WsFrames frames;
    frames.feed(frame(kFin | kPing, "beat"));
    CHECK(frames.next() == Progress::kPing);
    CHECK(frames.control() == "beat");
    CHECK(frames.next() == Progress::kMore);
    frames.feed(frame(kFin | kClose, "\x03\xf3going"));
    CHECK(frames.next() == Progress::kClosed);
    CHECK(frames.close_code() == 1011);
    CHECK(frames.control() == "going");
    CHECK(frames.next() == Progress::kClosed);
    WsFrames silent;
    silent.feed(frame(kFin | kClose, ""));
    CHECK(silent.next() == Progress::kClosed);
    CHECK(silent.close_code() == 1005);
}

TEST_CASE("ws frames: invalid frames are refused as early as possible", "[ws]") {
    struct Row {
        std::string bytes;
        Progress progress;
        std::string part;
    };
    const std::vector<Row> rows{
        {"\xc1", Progress::kProtocol, "reserved bits"},
        {"\x83", Progress::kProtocol, "opcode 3"},
        {"\x8b", Progress::kProtocol, "opcode 11"},
        {"\x81\x80", Progress::kProtocol, "masked"},
        {"\x09\x05", Progress::kProtocol, "control frame"},  // a fragment of a ping
        {"\x89\x7e", Progress::kProtocol, "control frame"},  // a ping of more than 125 bytes
        {frame(kFin | kClose, "x"), Progress::kProtocol, "half a code"},
        {frame(0, "x"), Progress::kProtocol, "the rest of one"},
        {frame(kText, "x") + frame(kText, "y"), Progress::kProtocol, "the start of another"},
        {std::string("\x81\x7f\x00\x00\x00\x00\x40\x00\x00\x00", 10), Progress::kTooLarge, "65536 bytes"},
        {std::string("\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 10), Progress::kTooLarge, "65536 bytes"},
    };
    for (const Row& row : rows) {
        for (const std::size_t step : {1u, 100u}) {
            WsFrames frames;
            CHECK(read(frames, row.bytes, step).progress == row.progress);
            INFO(frames.problem());
            CHECK(frames.problem().find(row.part) != std::string::npos);
            CHECK(frames.next() == row.progress);
        }
    }
}

TEST_CASE("ws frames: fragments, and frames without a message, are limited", "[ws]") {
    const WsLimits limits{1000, 20};
    {
        WsFrames frames(limits);
        std::string bytes = frame(kText, std::string(120, 'x'));
        for (int i = 0; i < 10; ++i)
            bytes += frame(0, std::string(120, 'x'));
        CHECK(read(frames, bytes, 1).progress == Progress::kTooLarge);
    }
    {
        WsFrames frames(limits);
        std::string bytes;
        for (int i = 0; i < 21; ++i)
            bytes += frame(kFin | kPing, "");
        const auto got = read(frames, bytes, 1);
        CHECK(got.progress == Progress::kProtocol);
        CHECK(got.pings == 20);
    }
}
