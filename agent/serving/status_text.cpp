// SPDX-License-Identifier: Apache-2.0
// `postern status`: one screen for a terminal.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/faults/fault_text.h"
#include "agent/status/headline.h"
#include "agent/status/spoken.h"
#include "agent/status/status.h"
#include "agent/text/terminal.h"
#include "agent/text/values.h"
#include "core/text.h"

namespace postern::agent {

namespace {

using probe::State;

constexpr std::size_t kMaxNotes = 8;          // of a link, about connections
constexpr std::size_t kMaxLinksWithPast = 2;  // more fill a screen with the present

std::string milliseconds(Micros us) {
    const double ms = static_cast<double>(us) / 1000;
    return ms < 10 ? core::milliseconds(us) : fmt::format("{:.0f} ms", ms);
}

std::string grouped(std::uint64_t n) {
    std::string digits = std::to_string(n);
    for (std::size_t at = digits.size(); at > 3; at -= 3)
        digits.insert(at - 3, ",");
    return digits;
}

class Screen {
  public:
    /// `brief`: without details.
    Screen(const StatusSnapshot& s, bool colour, std::size_t columns, bool brief, doctor::Language language)
        : s_(s),
          paint_(colour),
          columns_(columns),
          brief_(brief),
          language_(language),
          words_(doctor::Catalogue::in(language)) {}

    std::string draw() {
        headline();
        for (const auto& link : s_.links)
            draw_link(link);
        draw_drains();
        draw_dns();
        draw_discovery();
        draw_rest();
        return std::move(out_);
    }

  private:
    std::string say(std::string_view key, const doctor::Values& values = {}) const {
        return words_.text("screen", key, values);
    }
    std::string span(Micros us) const { return span_text(us, words_); }
    std::string ago(Micros wall_us) const {
        return wall_us > 0 ? say("ago", {{"time", span(s_.now_wall_us - wall_us)}}) : "";
    }

    void line(const std::string& text) { out_ += (columns_ > 0 ? cut(text, columns_) : text) + '\n'; }

    /// Wrapped at blanks; following lines are indented to align with the text.
    void paragraph(std::size_t indent, const std::string& lead, std::string_view text,
                   std::string (Paint::*colour)(std::string_view) const) {
        const std::size_t under = indent + display_width(lead);
        const std::string body = columns_ > under + 20 ? wrap_text(printable(text), columns_, under) : printable(text);
        std::string painted;
        std::size_t start = 0;
        for (;;) {  // colour each line separately: cut() and pagers then see whole sequences
            const auto end = body.find('\n', start);
            painted +=
                colour == nullptr ? body.substr(start, end - start) : (paint_.*colour)(body.substr(start, end - start));
            if (end == std::string::npos) break;
            painted += '\n';
            start = end + 1;
        }
        out_ += std::string(indent, ' ') + lead + painted + '\n';
    }

    void section(std::string_view name, const std::string& first) {
        paragraph(0, paint_.bold(pad(name, 11)), first, nullptr);
    }
    void more(const std::string& text) { paragraph(11, "", text, nullptr); }

    std::string painted_state(State state, std::string_view word) const {
        switch (state) {
            case State::kUp:
                return paint_.green(word);
            case State::kDegraded:
                return paint_.yellow(word);
            case State::kDown:
                return paint_.red(word);
            case State::kUnknown:
                return paint_.dim(word);
        }
        return std::string(word);
    }

    void headline() {
        std::string word;
        switch (s_.overall) {
            case Overall::kGood:
                word = paint_.green(say("GOOD"));
                break;
            case Overall::kDegraded:
                word = paint_.yellow(say("DEGRADED"));
                break;
            case Overall::kFailed:
                word = paint_.red(say("FAILED"));
                break;
            case Overall::kUnknown:
                word = paint_.cyan(say("UNKNOWN"));
                break;
        }
        paragraph(0, word + "  ", agent::headline(s_, words_), &Paint::bold);
        for (const Fault& f : s_.faults) {
            if (f.code != "PN-RESOLV-UNASKED") continue;
            const std::string text = told(f, words_) + " → " + command_line(fix_command(f));
            if (brief_) {
                line("! " + paint_.yellow(printable(text)));
            } else {
                paragraph(0, "! ", text, &Paint::yellow);
            }
        }
    }

    /// Whether the headline has told it.
    bool in_headline(const Fault& fault) const { return s_.headline_fault && s_.headline_fault->same_as(fault); }

    std::string measured(const LinkStatus& link, const AddressStatus& a) const {
        if (!link.probing) return say("not_probed");
        if (!a.last) return say("no_probe");
        const auto& r = *a.last;
        if (r.ok || r.reason == probe::Reason::kTokenMissing) return milliseconds(r.total_us);
        std::string out(probe::to_string(r.reason));
        if (a.streak < -1) out += fmt::format(" ×{}", -a.streak);
        return out;
    }

    void draw_link(const LinkStatus& link) {
        out_ += '\n';
        line(fmt::format("{}  {}  {}{}", paint_.bold(link.name),
                         painted_state(link.state, say(link.probing ? probe::to_string(link.state) : "not_probed")),
                         link.host, link.verify_only ? "  " + say("verify_only") : ""));
        std::size_t ip = 0, zone = 0, what = 0;
        for (const auto& a : link.addresses) {
            ip = std::max(ip, a.ip.text().size());
            zone = std::max(zone, a.zone.size());
            what = std::max(what, display_width(measured(link, a)));
        }
        for (const auto& a : link.addresses) {
            const State shown = judged_state(link, a);
            std::string row = "  " + pad(a.ip.text(), ip) + "  ";
            if (zone > 0) row += pad(printable(a.zone), zone) + "  ";
            row += painted_state(shown, pad(link.probing ? say(probe::to_string(shown)) : "-", 8)) + "  ";
            row += pad_left(measured(link, a), what) + "  ";
            row += answer_column(link, a);
            if (a.since_wall_us > 0 && link.probing)
                row += paint_.dim("  " + say("for", {{"time", span(s_.now_wall_us - a.since_wall_us)}}));
            if (a.drained && a.answered) row += paint_.yellow("  " + say("last_works"));
            line(row);
        }
        if (s_.links.size() <= kMaxLinksWithPast && !brief_) draw_last_day(link);
        const auto colour = link.state == State::kDown ? &Paint::red : &Paint::yellow;
        for (const Fault& f : link.faults) {
            if (!in_headline(f)) paragraph(2, "", told(f, words_), colour);
            const std::string fix = fix_of(f, words_);
            if (!fix.empty() && !(brief_ && fix == advised_)) paragraph(2, "→ ", fix, nullptr);
            if (!fix.empty()) advised_ = fix;
            if (brief_) break;
        }
        notes(link);
    }

    /// Of a name that is only verified: answered by the VPC or not, which may be as it should be.
    std::string answer_column(const LinkStatus& link, const AddressStatus& a) const {
        const bool known = link.vpc_answer && link.vpc_answer->known();
        if (link.verify_only) return pad(!known ? "-" : say(a.answered ? "by_vpc" : "not_answered"), 19);
        return a.answered ? pad(say("in_answer"), 9) : paint_.yellow(pad(say(a.drained ? "drained" : "withdrawn"), 9));
    }

    /// Unless a fault of the link says it.
    void verified(const LinkStatus& link) {
        if (!link.vpc_answer) return;
        const bool told_of = std::any_of(link.faults.begin(), link.faults.end(),
                                         [](const Fault& f) { return f.values.count("answer") != 0; });
        if (told_of) return;
        const VpcAnswer& a = *link.vpc_answer;
        paragraph(2, say("verified"), words_.text("vpc", a.says, a.values) + ago(a.at_wall_us), &Paint::dim);
    }

    /// Which of several names gave which address.
    void followed(const LinkStatus& link) {
        const auto& sources = link.discovery.sources;
        if (sources.size() < 2 || sources.front().target.empty()) return;
        for (const auto& source : sources) {
            std::string text = fmt::format("{}: {}", source.target, describe(source.addresses));
            if (source.error) text += " " + say("fails", {{"why", words_.of(source.error->what)}});
            paragraph(2, say("from"), text, source.error ? &Paint::yellow : &Paint::dim);
        }
    }

    void compared(const LinkStatus& link) {
        if (!link.compare) return;
        const bool quiet =
            link.compare->finding == Comparison::kBothWork || link.compare->finding == Comparison::kUnknown;
        if (brief_ && quiet) return;
        const CompareStatus& c = *link.compare;
        const std::string text =
            c.gateway() + say("colon") + words_.text("compare", c.says, c.values) + ago(c.at_wall_us);
        paragraph(2, say("compared"), text, quiet ? &Paint::dim : &Paint::yellow);
    }

    void draw_last_day(const LinkStatus& link) {
        std::string text;
        for (const auto& a : link.addresses) {
            if (!a.last_day) continue;
            if (!text.empty()) text += say("semicolon");
            text += say("of_last_day", {{"ip", a.ip.text()}, {"percent", fmt::format("{}", percent(*a.last_day))}});
            if (a.last_day->p95_us > 0) text += say("comma") + fmt::format("p95 {}", milliseconds(a.last_day->p95_us));
        }
        if (!text.empty()) paragraph(2, say("last_day"), text, nullptr);
    }

    /// Told also on a small screen: they say that something is wrong.
    void connections(const LinkStatus& link) {
        for (const auto& a : link.addresses) {
            if (a.connections_freed > 0)
                paragraph(2, "", say("freed", {{"count", std::to_string(a.connections_freed)}, {"ip", a.ip.text()}}),
                          nullptr);
        }
        if (!link.connections) return;
        const auto& notes = link.connections->notes;
        for (std::size_t i = 0; i < std::min(notes.size(), kMaxNotes); ++i)
            paragraph(2, "", note_text(notes[i], words_), &Paint::yellow);
        if (notes.size() > kMaxNotes)
            paragraph(2, "", say("more_notes", {{"count", std::to_string(notes.size() - kMaxNotes)}}), &Paint::yellow);
    }

    void notes(const LinkStatus& link) {
        connections(link);
        compared(link);
        if (brief_) return;
        verified(link);
        followed(link);
        if (link.probing && !link.asks_service && !link.addresses.empty())
            paragraph(2, "", say("no_token"), &Paint::dim);
        if (link.addresses.size() == 1) {
            std::string text = say("one_address");
            const bool fixed = link.discovery.source == "fixed";
            if (fixed || link.addresses.front().endpoint.starts_with("ep-")) text += say("add_zone");
            if (fixed) text += say("add_address");
            paragraph(2, "", text, &Paint::dim);
        }
    }

    void draw_drains() {
        if (s_.drains.empty()) return;
        out_ += '\n';
        bool first = true;
        for (const auto& drain : s_.drains) {
            const std::string text = drain_text(drain, s_.now_wall_us, language_);
            if (std::exchange(first, false)) {
                section(say("drains"), text);
            } else {
                more(text);
            }
        }
    }

    void draw_dns() {
        const ResolverStatus& r = s_.resolver;
        const core::StatsPage& stats = r.stats;
        out_ += '\n';
        const std::string listen = core::joined(r.listen, [](const auto& address) { return address.text(); });
        if (!r.running) {
            section(say("dns"), say("no_resolver", {{"listen", listen}}));
        } else {
            std::string text = say("resolver", {{"listen", listen}, {"pid", std::to_string(r.pid)}});
            if (r.stats_valid && stats.started_wall_us > 0)
                text += say("uptime", {{"time", span(s_.now_wall_us - stats.started_wall_us)}});
            if (r.accepted) text += say("accepted", {{"plan", generation_text(r.published_generation)}});
            section(say("dns"), text);
        }
        if (r.fault) {
            paragraph(11, "", told(*r.fault, words_), r.running ? &Paint::yellow : &Paint::red);
            paragraph(11, "→ ", fix_of(*r.fault, words_), nullptr);
        }
        if (r.stats_valid) more(queries());
        std::string upstreams;
        for (const auto& u : r.upstreams) {
            core::add_item(upstreams, u.address.port == 53 ? u.address.ip.text() : u.address.text());
            const bool bad = u.state != UpstreamState::kUnknown && u.state != UpstreamState::kWorks;
            if (bad) {
                upstreams += " " + words_.text("upstream", to_string(u.state));
            } else if (u.stats.srtt_us > 0) {
                upstreams += " " + milliseconds(u.stats.srtt_us);
            }
        }
        if (!upstreams.empty()) more(say("upstreams", {{"servers", upstreams}, {"source", r.upstream_source}}));
    }

    std::string queries() const {
        const auto& stats = s_.resolver.stats;
        std::uint64_t total = 0, of[static_cast<std::size_t>(core::Source::kCount)]{};
        for (std::size_t source = 0; source < std::size(of); ++source) {
            for (const auto& row : stats.queries[source]) {
                for (const auto count : row)
                    of[source] += count;
            }
            total += of[source];
        }
        const std::string out = say(total == 1 ? "query" : "queries", {{"count", grouped(total)}});
        std::string parts;
        for (std::size_t source = 0; source < std::size(of); ++source) {
            if (of[source] == 0) continue;
            parts += say(parts.empty() ? "colon" : "comma");
            parts += words_.text("answered_from", core::to_string(static_cast<core::Source>(source)),
                                 {{"count", grouped(of[source])}});
        }
        return out + parts;
    }

    std::string list_text() const {
        const ListStatus& list = s_.list;
        if (!list.list) return say("no_list", {{"fleet", list.fleet}});
        return say("list", {{"fleet", list.fleet},
                            {"generation", std::to_string(list.list->number.generation)},
                            {"time", span(list.list->age(s_.now_wall_us))}});
    }

    void draw_discovery() {
        bool discovers = false;
        Micros confirmed = 0;  // of the link whose addresses are oldest
        const DiscoveryStatus* failing = nullptr;
        bool from_snapshot = false;
        for (const auto& link : s_.links) {
            if (link.discovery.source == "fixed") continue;
            discovers = true;
            if (const Micros at = link.discovery.confirmed_wall_us; at > 0 && (confirmed == 0 || at < confirmed))
                confirmed = at;
            if (link.discovery.error) failing = &link.discovery;
            from_snapshot |= link.discovery.source == "snapshot";
        }
        if (!discovers) return;
        std::string text =
            confirmed > 0 ? say("confirmed", {{"time", span(s_.now_wall_us - confirmed)}}) : say("not_confirmed");
        if (from_snapshot) text += say("from_snapshot");
        if (!s_.region.empty()) text += say("region", {{"region", s_.region}});
        if (!s_.host_zone.empty()) text += say("zone", {{"zone", s_.host_zone}});
        section(say("discovery"), text);
        if (s_.list.configured) more(list_text());
        if (failing == nullptr) return;
        paragraph(11, "",
                  say("failing", {{"time", span(s_.now_wall_us - failing->error_since_wall_us)},
                                  {"why", words_.of(failing->error->what)}}),
                  &Paint::yellow);
        if (!failing->error->hint.empty()) paragraph(11, "→ ", words_.of(failing->error->hint), nullptr);
    }

    void draw_rest() {
        if (s_.host_dns.journal.state != TakeoverState::kOff)
            section(say("host_dns"), takeover_text(s_.host_dns, words_));
        section(say("agent"), say("agent_text", {{"version", s_.version},
                                                 {"time", span(s_.now_wall_us - s_.started_wall_us)},
                                                 {"path", s_.config_path}}));
        if (s_.connections.error)
            paragraph(11, "", say("connections_unknown", {{"why", words_.of(s_.connections.error->whole())}}),
                      &Paint::dim);
        if (s_.config_fault) {
            paragraph(11, "", told(*s_.config_fault, words_), &Paint::yellow);
            paragraph(11, "→ ", fix_of(*s_.config_fault, words_), nullptr);
        }
        for (const auto& fault : s_.reported) {
            if (fault.code == "PN-RESOLV-UNASKED") continue;  // below the headline
            paragraph(11, "! ", told_with_link(fault, words_), &Paint::yellow);
            const std::string command = command_line(fix_command(fault));
            if (!command.empty()) paragraph(11, "→ ", command, nullptr);
        }
    }

    const StatusSnapshot& s_;
    Paint paint_;
    std::size_t columns_;
    bool brief_;
    doctor::Language language_;
    const doctor::Catalogue& words_;
    std::string advised_;  // the fix printed last: two links often need the same
    std::string out_;
};

}  // namespace

std::string status_text(const StatusSnapshot& snapshot, bool colour, std::size_t columns, std::size_t rows,
                        doctor::Language language) {
    std::string whole = Screen(snapshot, colour, columns, false, language).draw();
    const auto lines = static_cast<std::size_t>(std::count(whole.begin(), whole.end(), '\n'));
    // The last row is for the prompt, or the hint how to leave.
    return rows == 0 || lines < rows ? whole : Screen(snapshot, colour, columns, true, language).draw();
}

}  // namespace postern::agent
