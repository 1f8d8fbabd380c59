// SPDX-License-Identifier: Apache-2.0
#include "agent/status/spoken.h"

#include <algorithm>

namespace postern::agent {

std::string span_text(Micros us, const doctor::Catalogue& words) {
    const Micros s = std::max<Micros>(us, 0) / core::kSecond;
    const auto [key, n] = s < 100         ? std::pair("seconds", s)
                          : s < 100 * 60  ? std::pair("minutes", s / 60)
                          : s < 72 * 3600 ? std::pair("hours", s / 3600)
                                          : std::pair("days", s / 86400);
    return words.text("screen", key, {{"n", std::to_string(n)}});
}

std::string takeover_text(const HostDnsReport& r, const doctor::Catalogue& words) {
    if (&words == &doctor::Catalogue::in(doctor::Language::kEnglish)) return r.text();
    const bool split = r.journal.state == TakeoverState::kOn && r.journal.decision.mode == Mode::kSplit;
    return words.text("takeover", split ? "on_split" : to_string(r.journal.state),
                      {{"listen", r.journal.target.listen.text()}, {"writer", r.journal.writer}});
}

std::string note_text(const ConnectionNote& n, const doctor::Catalogue& words) {
    const auto say = [&](std::string_view key, const doctor::Values& values = {}) {
        return words.text("screen", key, values);
    };
    const std::string_view key = n.kind == NoteKind::kWithdrawn ? "note_withdrawn"
                                 : n.kind == NoteKind::kBypass  ? "note_bypass"
                                                                : "note_stuck";
    std::string out = say(key, {{"least", n.at_least ? say("least") : ""},
                                {"total", std::to_string(n.total)},
                                {"noun", say(n.total == 1 ? "connection" : "connections")},
                                {"who", n.uid ? say("uid", {{"uid", std::to_string(*n.uid)}}) : say("others")},
                                {"ip", n.ip.text()}});
    if (n.stuck > 0)
        out += say("note_lost", {{"stuck", std::to_string(n.stuck)}, {"time", span_text(n.stuck_for_us, words)}});
    return out;
}

}  // namespace postern::agent
