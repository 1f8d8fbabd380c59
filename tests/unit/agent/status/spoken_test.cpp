// SPDX-License-Identifier: Apache-2.0
#include "agent/status/spoken.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

const doctor::Catalogue& english() {
    return doctor::Catalogue::in(doctor::Language::kEnglish);
}
const doctor::Catalogue& chinese() {
    return doctor::Catalogue::in(doctor::Language::kChinese);
}

}  // namespace

TEST_CASE("spoken: a span has the largest unit of which there are several", "[status]") {
    CHECK(span_text(-5, english()) == "0 s");
    CHECK(span_text(99 * core::kSecond, english()) == "99 s");
    CHECK(span_text(21 * core::kMinute, english()) == "21 min");
    CHECK(span_text(71 * core::kHour, english()) == "71 h");
    CHECK(span_text(30 * core::kDay, english()) == "30 d");
    CHECK(span_text(21 * core::kMinute, chinese()) == "21 分钟");
}

TEST_CASE("spoken: a note on connections says the same in English as the note itself, and in Chinese", "[status]") {
    const auto ip = *core::IpAddress::parse("10.0.2.9");
    for (const auto kind : {NoteKind::kWithdrawn, NoteKind::kStuck, NoteKind::kBypass}) {
        for (const bool least : {false, true}) {
            const ConnectionNote note{kind, ip, 1001, 12, 9, 41 * core::kSecond, least};
            CHECK(note_text(note, english()) == note.text());
            CHECK(note_text(note, chinese()).find("其中 9 个已卡住 41 秒") != std::string::npos);
        }
    }
    const ConnectionNote least{NoteKind::kWithdrawn, ip, 1001, 12, 0, 0, true};
    CHECK(note_text(least, chinese()) == "uid 1001 仍有至少 12 个 TCP 连接在 10.0.2.9 上");
    const ConnectionNote others{NoteKind::kStuck, ip, std::nullopt, 1, 0, 0, false};
    CHECK(note_text(others, english()) == others.text());
}

TEST_CASE("spoken: the takeover", "[status]") {
    HostDnsReport r;
    CHECK(takeover_text(r, english()) == r.text());
    CHECK(takeover_text(r, chinese()) == "postern 未接管本机的 DNS");
    r.journal.state = TakeoverState::kOn;
    r.journal.decision.mode = Mode::kSplit;
    r.journal.target.listen = *core::SocketAddress::parse("127.0.0.153:53", 53);
    CHECK(takeover_text(r, chinese()) == "已接管：私有域名由 127.0.0.153:53 解析");
}
