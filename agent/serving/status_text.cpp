// SPDX-License-Identifier: Apache-2.0
// `postern status`: one screen for a terminal.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/status/status.h"
#include "agent/status/warning.h"
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
    Screen(const StatusSnapshot& s, bool colour, std::size_t columns, bool brief)
        : s_(s), paint_(colour), columns_(columns), brief_(brief) {}

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
                word = paint_.green("GOOD");
                break;
            case Overall::kDegraded:
                word = paint_.yellow("DEGRADED");
                break;
            case Overall::kFailed:
                word = paint_.red("FAILED");
                break;
            case Overall::kUnknown:
                word = paint_.cyan("UNKNOWN");
                break;
        }
        paragraph(0, word + "  ", s_.headline, &Paint::bold);
        const auto worst = std::find_if(s_.links.begin(), s_.links.end(),
                                        [this](const auto& link) { return link.name == s_.headline_link; });
        if (worst != s_.links.end()) told_ = worst->cause;
    }

    std::string measured(const LinkStatus& link, const AddressStatus& a) const {
        if (!link.probing) return "not probed";
        if (!a.last) return "no probe yet";
        const auto& r = *a.last;
        if (r.ok || r.reason == probe::Reason::kTokenMissing) return milliseconds(r.total_us);
        std::string out(probe::to_string(r.reason));
        if (a.streak < -1) out += fmt::format(" ×{}", -a.streak);
        return out;
    }

    void draw_link(const LinkStatus& link) {
        out_ += '\n';
        const std::string state(probe::to_string(link.state));
        line(fmt::format("{}  {}  {}{}", paint_.bold(link.name),
                         painted_state(link.state, link.probing ? state : "not probed"), link.host,
                         link.verify_only ? "  verify only" : ""));
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
            row += painted_state(shown, pad(link.probing ? probe::to_string(shown) : "-", 8)) + "  ";
            row += pad_left(measured(link, a), what) + "  ";
            row += answer_column(link, a);
            if (a.since_wall_us > 0 && link.probing)
                row += paint_.dim("  for " + rough_duration(s_.now_wall_us - a.since_wall_us));
            if (a.drained && a.answered) row += paint_.yellow("  drained, but no other works");
            line(row);
        }
        if (s_.links.size() <= kMaxLinksWithPast && !brief_) draw_last_day(link);
        const bool bad = link.state == State::kDown;
        if (!link.cause.empty() && link.cause != told_)
            paragraph(2, "", link.cause, bad ? &Paint::red : &Paint::yellow);
        if (!link.fix.empty() && !(brief_ && link.fix == advised_)) paragraph(2, "→ ", link.fix, nullptr);
        if (!link.fix.empty()) advised_ = link.fix;
        notes(link);
    }

    /// Of a name that is only verified: answered by the VPC or not, which may be as it should be.
    std::string answer_column(const LinkStatus& link, const AddressStatus& a) const {
        const bool known = link.vpc_answer && link.vpc_answer->known();
        if (link.verify_only) return pad(!known ? "-" : a.answered ? "answered by the VPC" : "not answered", 19);
        return a.answered ? pad("in answer", 9) : paint_.yellow(pad(a.drained ? "drained" : "withdrawn", 9));
    }

    void verified(const LinkStatus& link) {
        if (!link.vpc_answer || link.cause.find(link.vpc_answer->text) != std::string::npos) return;
        const VpcAnswer& a = *link.vpc_answer;
        std::string text = a.text;
        if (a.at_wall_us > 0) text += fmt::format(" ({} ago)", rough_duration(s_.now_wall_us - a.at_wall_us));
        paragraph(2, "verified: ", text, &Paint::dim);
    }

    /// Which of several names gave which address.
    void followed(const LinkStatus& link) {
        const auto& sources = link.discovery.sources;
        if (sources.size() < 2 || sources.front().target.empty()) return;
        for (const auto& source : sources) {
            std::string text = fmt::format("{}: {}", source.target, describe(source.addresses));
            if (source.error) text += fmt::format(" (fails: {})", source.error->what);
            paragraph(2, "from ", text, source.error ? &Paint::yellow : &Paint::dim);
        }
    }

    void compared(const LinkStatus& link) {
        if (!link.compare) return;
        const bool quiet =
            link.compare->finding == Comparison::kBothWork || link.compare->finding == Comparison::kUnknown;
        if (brief_ && quiet) return;
        const CompareStatus& c = *link.compare;
        std::string text = fmt::format("{}: {}", c.gateway(), c.text);
        if (c.at_wall_us > 0) text += fmt::format(" ({} ago)", rough_duration(s_.now_wall_us - c.at_wall_us));
        paragraph(2, "compared with ", text, quiet ? &Paint::dim : &Paint::yellow);
    }

    void draw_last_day(const LinkStatus& link) {
        std::string text;
        for (const auto& a : link.addresses) {
            if (!a.last_day) continue;
            text += fmt::format("{}{} {} %", text.empty() ? "" : "; ", a.ip.text(), percent(*a.last_day));
            if (a.last_day->p95_us > 0) text += fmt::format(", p95 {}", milliseconds(a.last_day->p95_us));
        }
        if (!text.empty()) paragraph(2, "24 h  ", text, nullptr);
    }

    /// Told also on a small screen: they say that something is wrong.
    void connections(const LinkStatus& link) {
        for (const auto& a : link.addresses) {
            if (a.connections_freed > 0)
                paragraph(2, "", fmt::format("{} lost connections to {} were ended", a.connections_freed, a.ip.text()),
                          nullptr);
        }
        if (!link.connections) return;
        const auto& notes = link.connections->notes;
        for (std::size_t i = 0; i < std::min(notes.size(), kMaxNotes); ++i)
            paragraph(2, "", notes[i].text(), &Paint::yellow);
        if (notes.size() > kMaxNotes)
            paragraph(2, "", fmt::format("{} more: postern connections", notes.size() - kMaxNotes), &Paint::yellow);
    }

    void notes(const LinkStatus& link) {
        connections(link);
        compared(link);
        if (brief_) return;
        verified(link);
        followed(link);
        if (link.probing && !link.asks_service && !link.addresses.empty()) {
            paragraph(2, "", "no token_file: the database behind the gateway is not checked", &Paint::dim);
        }
        if (link.addresses.size() == 1) {
            std::string text = "one address only: no failover is possible";
            const bool fixed = link.discovery.source == "fixed";
            if (fixed || link.addresses.front().endpoint.starts_with("ep-"))
                text += "; add a second zone to the endpoint in the VPC console";
            if (fixed) text += ", and its address to [[link]] addresses";
            paragraph(2, "", text, &Paint::dim);
        }
    }

    void draw_drains() {
        if (s_.drains.empty()) return;
        out_ += '\n';
        bool first = true;
        for (const auto& drain : s_.drains) {
            const std::string text = drain_text(drain, s_.now_wall_us);
            if (std::exchange(first, false)) {
                section("Drained", text);
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
            section("DNS", fmt::format("no resolver on {}", listen));
        } else {
            std::string text = fmt::format("{}, resolver pid {}", listen, r.pid);
            if (r.stats_valid && stats.started_wall_us > 0)
                text += fmt::format(", up {}", rough_duration(s_.now_wall_us - stats.started_wall_us));
            if (r.accepted) text += fmt::format(", plan {} accepted", generation_text(r.published_generation));
            section("DNS", text);
        }
        if (!r.problem.empty()) paragraph(11, "", r.problem, r.running ? &Paint::yellow : &Paint::red);
        if (r.stats_valid) more(queries());
        std::string upstreams;
        for (const auto& u : r.upstreams) {
            core::add_item(upstreams, u.address.port == 53 ? u.address.ip.text() : u.address.text());
            if (u.stats.srtt_us > 0) upstreams += " " + milliseconds(u.stats.srtt_us);
        }
        if (!upstreams.empty()) more(fmt::format("upstreams {} ({})", upstreams, r.upstream_source));
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
        std::string out = grouped(total) + (total == 1 ? " query" : " queries");
        std::string parts;
        for (std::size_t source = 0; source < std::size(of); ++source) {
            if (of[source] == 0) continue;
            parts += fmt::format("{}{} {}", parts.empty() ? ": " : ", ", grouped(of[source]),
                                 core::to_string(static_cast<core::Source>(source)));
        }
        return out + parts;
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
        std::string text = confirmed > 0 ? fmt::format("confirmed {} ago", rough_duration(s_.now_wall_us - confirmed))
                                         : "not confirmed yet";
        if (from_snapshot) text += " (from the snapshot on disk)";
        if (!s_.region.empty()) text += fmt::format(", region {}", s_.region);
        if (!s_.host_zone.empty()) text += fmt::format(", this host in {}", s_.host_zone);
        section("Discovery", text);
        if (failing == nullptr) return;
        paragraph(11, "",
                  fmt::format("failing for {}: {}", rough_duration(s_.now_wall_us - failing->error_since_wall_us),
                              failing->error->what),
                  &Paint::yellow);
        if (!failing->error->hint.empty()) paragraph(11, "→ ", failing->error->hint, nullptr);
    }

    void draw_rest() {
        if (s_.host_dns.journal.state != TakeoverState::kOff) section("Host DNS", s_.host_dns.text());
        section("Agent", fmt::format("postern {}, up {}, configuration {}", s_.version,
                                     rough_duration(s_.now_wall_us - s_.started_wall_us), s_.config_path));
        if (s_.connections.error)
            paragraph(11, "", "connections of applications are not known: " + s_.connections.error->text(),
                      &Paint::dim);
        if (!s_.config_reload_ok) paragraph(11, "", s_.config_problem, &Paint::yellow);
        for (const auto& fault : s_.reported)
            paragraph(11, "! ", warning_text(fault), &Paint::yellow);
    }

    const StatusSnapshot& s_;
    Paint paint_;
    std::size_t columns_;
    bool brief_;
    std::string told_;     // the cause in the headline
    std::string advised_;  // the fix printed last: two links often need the same
    std::string out_;
};

}  // namespace

std::string status_text(const StatusSnapshot& snapshot, bool colour, std::size_t columns, std::size_t rows) {
    std::string whole = Screen(snapshot, colour, columns, false).draw();
    const auto lines = static_cast<std::size_t>(std::count(whole.begin(), whole.end(), '\n'));
    // The last row is for the prompt, or the hint how to leave.
    return rows == 0 || lines < rows ? whole : Screen(snapshot, colour, columns, true).draw();
}

}  // namespace postern::agent
