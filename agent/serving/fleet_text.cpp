// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/fleet_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "agent/faults/fault_text.h"
#include "agent/status/fleet_state.h"
#include "agent/status/spoken.h"
#include "agent/text/terminal.h"
#include "core/text.h"

namespace postern::agent {
namespace {

constexpr std::size_t kMaxGroups = 40, kGroupNames = 3, kIndent = 11;

class FleetScreen {
  public:
    FleetScreen(const FleetView& view, bool colour, std::size_t columns, doctor::Language language)
        : v_(view), paint_(colour), columns_(columns), words_(doctor::Catalogue::in(language)) {}

    std::string draw() {
        draw_headline();
        draw_counts();
        draw_addresses();
        draw_groups();
        return std::move(out_);
    }

  private:
    std::string say(std::string_view key, const doctor::Values& values = {}) const {
        return words_.text("fleet", key, values);
    }
    std::string screen(std::string_view key) const { return words_.text("screen", key); }

    void line(const std::string& text) { out_ += (columns_ > 0 ? cut(text, columns_) : text) + '\n'; }
    void row(const std::string& title, const std::string& text) {
        const std::string lead = pad(title, kIndent - 1) + " ";
        out_ += lead + (columns_ > kIndent + 20 ? wrap_text(text, columns_, kIndent) : text) + '\n';
    }

    std::string painted(std::string_view overall, const std::string& text) const {
        return overall == "failed"     ? paint_.red(text)
               : overall == "degraded" ? paint_.yellow(text)
               : overall == "good"     ? paint_.green(text)
                                       : paint_.dim(text);
    }
    std::string word_of(std::string_view overall) const {
        std::string key(overall);
        std::transform(key.begin(), key.end(), key.begin(),
                       [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
        return screen(key);
    }

    void draw_headline() {
        const std::string overall(to_string(overall_of(v_)));
        const std::string word = word_of(overall);
        line(painted(overall, word) +
             std::string(display_width(word) < kIndent ? kIndent - display_width(word) : 1, ' ') +
             paint_.bold(say("title", {{"fleet", v_.reports->fleet}})) + ": " + fleet_headline(v_, words_));
        std::string advised;
        for (const auto& fault : v_.findings) {
            const bool failed = fault.state == doctor::State::kFail, known = fault.state != doctor::State::kSkip;
            row("", (failed  ? paint_.red("✕ ")
                     : known ? paint_.yellow("! ")
                             : paint_.dim("? ")) +
                        printable(told(fault, words_)));
            const std::string fix = fix_of(fault, words_);
            if (fix != advised) row("", "→ " + printable(fix));
            advised = fix;
        }
    }

    void draw_counts() {
        const FleetReports& r = *v_.reports;
        std::string hosts = say("hosts_text", {{"fresh", std::to_string(v_.fresh.size())}});
        if (!v_.stale.empty()) {
            std::string silent;
            for (std::size_t i = 0; i < std::min(v_.stale.size(), kMaxNamed); ++i) {
                const HostReport* host = v_.stale[i];
                core::add_item(
                    silent, say("silent_host", {{"host", host->who()},
                                                {"time", span_text(v_.now_wall_us - host->written_wall_us, words_)}}));
            }
            if (v_.stale.size() > kMaxNamed)
                core::add_item(silent, say("and_more", {{"count", std::to_string(v_.stale.size() - kMaxNamed)}}));
            core::add_item(hosts, say("silent", {{"count", std::to_string(v_.stale.size())}, {"hosts", silent}}));
        }
        if (!r.refused.empty()) core::add_item(hosts, say("refused", {{"count", std::to_string(r.refused.size())}}));
        if (r.unread > 0) core::add_item(hosts, say("unread", {{"count", std::to_string(r.unread)}}));
        row(say("hosts"), hosts);
        if (!v_.versions.empty())
            row(say("versions"), core::joined(v_.versions, [](const auto& one) {
                    return fmt::format("{} ({})", one.first.empty() ? "?" : one.first, one.second);
                }));
        if (!v_.generations.empty())
            row(say("generations"), core::joined(v_.generations, [this](const auto& one) {
                    return fmt::format("{} ({})", say("generation", {{"generation", std::to_string(one.first)}}),
                                       one.second);
                }));
        if (v_.not_asking > 0) row(say("dns"), say("not_asking", {{"count", std::to_string(v_.not_asking)}}));
        row("", paint_.dim(
                    say("read", {{"time", span_text(v_.now_wall_us - r.read_wall_us, words_)}, {"place", r.place}})));
    }

    std::string zone_name(const std::string& zone) const { return zone.empty() ? say("zone_unknown") : zone; }

    void draw_addresses() {
        std::string name;
        for (const SeenAddress& a : v_.addresses) {
            if (a.name != name) {
                name = a.name;
                out_ += '\n';
                line(paint_.bold(printable(name)));
            }
            std::string seen;
            for (const auto& [zone, tally] : a.by_zone) {
                const std::string text =
                    say("seen_from", {{"zone", zone_name(zone)}}) + ": " + tally_text(tally, words_);
                if (!seen.empty()) seen += "; ";
                seen += tally.down > 0 ? paint_.red(text) : tally.degraded > 0 ? paint_.yellow(text) : text;
            }
            line("  " + pad(a.ip.text(), 16) + " " + pad(a.zone, 16) + " " + seen);
        }
    }

    void draw_groups() {
        if (v_.groups.empty()) return;
        out_ += '\n';
        line(paint_.bold(say("groups")));
        std::size_t told = 0, left = 0;
        for (const HostGroup& g : v_.groups) {
            if (told == kMaxGroups) {
                left += g.hosts.size();
                continue;
            }
            ++told;
            std::string names;
            for (std::size_t i = 0; i < std::min(g.hosts.size(), kGroupNames); ++i)
                core::add_item(names, g.hosts[i]->who());
            if (g.hosts.size() > kGroupNames)
                core::add_item(names, say("and_more", {{"count", std::to_string(g.hosts.size() - kGroupNames)}}));
            std::string what = core::joined(g.not_up, [this](const auto& one) {
                return one.first.text() + " " + screen(probe::to_string(one.second));
            });
            if (!g.worst.empty()) core::add_item(what, g.worst);
            const std::string word = word_of(g.overall);
            line("  " + pad(zone_name(g.zone), 16) + " " + pad_left(std::to_string(g.hosts.size()), 5) + " " +
                 painted(g.overall, word) + std::string(display_width(word) < 9 ? 9 - display_width(word) : 1, ' ') +
                 names + (what.empty() ? "" : ": " + what));
        }
        if (left > 0) line("  " + say("and_more", {{"count", std::to_string(left)}}));
    }

    const FleetView& v_;
    Paint paint_;
    std::size_t columns_;
    const doctor::Catalogue& words_;
    std::string out_;
};

}  // namespace

std::string tally_text(const Tally& tally, const doctor::Catalogue& words) {
    std::string out;
    const auto add = [&](std::size_t count, std::string_view state) {
        if (count > 0) core::add_item(out, fmt::format("{} {}", count, words.text("screen", state)));
    };
    add(tally.down, "down");
    add(tally.degraded, "degraded");
    add(tally.up, "up");
    add(tally.unknown, "unknown");
    return out.empty() ? "–" : out;
}

std::string fleet_headline(const FleetView& view, const doctor::Catalogue& words) {
    if (view.fresh.empty()) return words.text("fleet", "headline_none");
    const auto bad = static_cast<std::size_t>(
        std::count_if(view.fresh.begin(), view.fresh.end(), [](const HostReport* r) { return r->overall != "good"; }));
    const doctor::Values values = {{"count", std::to_string(bad == 0 ? view.fresh.size() : bad)},
                                   {"total", std::to_string(view.fresh.size())}};
    return words.text("fleet", bad == 0 ? "headline_good" : "headline_trouble", values);
}

std::string fleet_text(const FleetView& view, bool colour, std::size_t columns, doctor::Language language) {
    return FleetScreen(view, colour, columns, language).draw();
}

}  // namespace postern::agent
