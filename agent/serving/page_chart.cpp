// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/page_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "agent/serving/page_html.h"
#include "core/text.h"

namespace postern::agent {

namespace {

using core::Micros;
using probe::Reason;

constexpr double kWidth = 960, kHeight = 200, kLeft = 60, kRight = 8, kTop = 8, kBottom = 30;
constexpr double kGround = kHeight - kBottom;

/// How wide a point of the drawing and a row of the table are.
struct Grain {
    Micros point_us, row_us, tick_us;
};
Grain grain_of(PageRange range) {
    switch (range) {
        case PageRange::kHour:
            return {core::kMinute, 5 * core::kMinute, 10 * core::kMinute};
        case PageRange::kDay:
            return {5 * core::kMinute, core::kHour, 3 * core::kHour};
        case PageRange::kWeek:
            return {core::kHour, 6 * core::kHour, core::kDay};
        case PageRange::kMonth:
            break;
    }
    return {3 * core::kHour, core::kDay, 3 * core::kDay};
}

/// 1, 2 or 5 times a power of ten, so that at most five steps reach `most`.
double nice_step(double most) {
    const double power = std::pow(10, std::floor(std::log10(most / 4)));
    for (const double factor : {1., 2., 5.}) {
        if (most / (power * factor) <= 5) return power * factor;
    }
    return power * 10;
}

std::string measured(const std::optional<Micros>& us) {
    return us ? core::milliseconds(*us) : "–";
}

class Drawing {
  public:
    Drawing(const std::vector<ChartPoint>& points, PageRange range, Micros now_wall_us)
        : points_(points), range_(range), now_(now_wall_us), step_(grain_of(range).point_us) {
        for (const auto& p : points_)
            most_ = std::max(most_, static_cast<double>(p.p95_us.value_or(0)));
        most_ *= 1.05;
    }

    std::string draw(const std::string& label) const {
        std::string out = fmt::format(
            "<svg class=\"chart\" role=\"img\" viewBox=\"0 0 {} {}\" aria-label=\"{}\">\n<g class=\"grid\">\n", kWidth,
            kHeight, html_text(label));
        const double step = nice_step(most_);
        for (int n = 0; n * step <= most_; ++n) {
            const double us = n * step;
            out += fmt::format(
                "<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/><text class=\"left\" x=\"{}\" "
                "y=\"{:.1f}\">{}</text>\n",
                kLeft, kWidth - kRight, y(us), y(us), kLeft - 6, y(us) + 4,
                us == 0 ? "0" : core::milliseconds(static_cast<Micros>(us)));
        }
        const Micros tick = grain_of(range_).tick_us, from = now_ - length_of(range_);
        for (Micros at = from - from % tick + tick; at < now_; at += tick) {
            const std::string utc = core::format_utc(at);  // 2026-01-02T03:04:05…
            out += fmt::format(
                "<text class=\"{}\" x=\"{:.1f}\" y=\"{}\">{}</text>\n", x(at) > kWidth - 24 ? "left" : "middle", x(at),
                kHeight - 8, resolution_of(range_) == probe::Resolution::kHour ? utc.substr(5, 5) : utc.substr(11, 5));
        }
        return out + fmt::format("</g>\n{}</svg>\n", shapes());
    }

  private:
    double x(Micros wall_us) const {
        const auto part =
            static_cast<double>(wall_us - now_ + length_of(range_)) / static_cast<double>(length_of(range_));
        return kLeft + std::clamp(part, 0., 1.) * (kWidth - kLeft - kRight);
    }
    double y(double us) const { return kTop + (1 - us / most_) * (kGround - kTop); }
    double middle(const ChartPoint& p) const { return x(p.at_wall_us + step_ / 2); }

    std::string shapes() const {
        std::string band, line, crosses, outages;
        for (std::size_t i = 0; i < points_.size();) {
            std::size_t end = i;
            while (end < points_.size() && points_[end].p50_us && (end == i || near(points_[end - 1], points_[end])))
                ++end;
            if (end > i) add_run(i, end, band, line);
            i = std::max(end, i + 1);
        }
        for (const auto& p : points_) {
            // Most of them failed: shaded over the whole height.
            if (p.failures > 0 && 2 * p.failures >= p.attempts)
                outages += fmt::format("M{:.1f} {}H{:.1f}V{}H{:.1f}Z", x(p.at_wall_us), kTop, x(p.at_wall_us + step_),
                                       kGround, x(p.at_wall_us));
            if (p.failures > 0) crosses += fmt::format("M{:.1f} {}l6 6m0 -6l-6 6", middle(p) - 3, kGround - 9);
        }
        return fmt::format(
            "<path class=\"outage\" d=\"{}\"/>\n<path class=\"band\" d=\"{}\"/>\n<path class=\"line\" d=\"{}\"/>\n<path class=\"failures\" "
            "d=\"{}\"/>\n",
            outages, band, line, crosses);
    }

    bool near(const ChartPoint& a, const ChartPoint& b) const { return 2 * (b.at_wall_us - a.at_wall_us) <= 5 * step_; }

    void add_run(std::size_t begin, std::size_t end, std::string& band, std::string& line) const {
        char go = 'M';
        for (std::size_t i = begin; i < end; ++i, go = 'L') {
            band += fmt::format("{}{:.1f} {:.1f}", go, middle(points_[i]), y(static_cast<double>(*points_[i].p95_us)));
            line += fmt::format("{}{:.1f} {:.1f}", go, middle(points_[i]), y(static_cast<double>(*points_[i].p50_us)));
        }
        if (end - begin == 1) line += "h3";
        for (std::size_t i = end; i-- > begin;)
            band += fmt::format("L{:.1f} {:.1f}", middle(points_[i]), y(static_cast<double>(*points_[i].p50_us)));
        band += 'Z';
    }

    const std::vector<ChartPoint>& points_;
    PageRange range_;
    Micros now_, step_;
    double most_ = 1000;  // µs, of the scale
};

std::string summary(const std::vector<ChartPoint>& points, const PageWords& words) {
    std::vector<Micros> p50;
    Micros p95 = 0;
    std::uint64_t attempts = 0, failures = 0;
    for (const auto& p : points) {
        if (p.p50_us) p50.push_back(*p.p50_us);
        p95 = std::max(p95, p.p95_us.value_or(0));
        attempts += p.attempts;
        failures += p.failures;
    }
    if (attempts == 0) return "";
    std::sort(p50.begin(), p50.end());
    const auto mark = [&](std::size_t at) { return p50.empty() ? "–" : core::milliseconds(p50[at]); };
    return fmt::format(fmt::runtime(words.chart_summary), mark(p50.size() / 2), mark(0),
                       mark(p50.empty() ? 0 : p50.size() - 1), p95 > 0 ? core::milliseconds(p95) : "–", failures,
                       attempts);
}

std::string table(const std::vector<ChartPoint>& rows, const PageWords& words) {
    std::string out = fmt::format(
        "<details><summary>{}</summary>\n<div class=\"wide\" tabindex=\"0\"><table><thead><tr>", words.as_table);
    for (const auto title : {words.at, words.p50, words.p95, words.attempts, words.failed_probes, words.most_common})
        out += fmt::format("<th scope=\"col\">{}</th>", title);
    out += "</tr></thead><tbody>\n";
    for (auto p = rows.rbegin(); p != rows.rend(); ++p) {
        out += fmt::format(
            "<tr><th scope=\"row\" class=\"n\">{}</th><td class=\"n\">{}</td><td class=\"n\">{}</td><td "
            "class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>\n",
            html_time(p->at_wall_us), measured(p->p50_us), measured(p->p95_us), p->attempts, p->failures,
            p->reason == Reason::kNone ? "" : probe::to_string(p->reason));
    }
    return out + "</tbody></table></div>\n</details>\n";
}

}  // namespace

std::string_view to_string(PageRange range) {
    switch (range) {
        case PageRange::kHour:
            return "hour";
        case PageRange::kDay:
            return "day";
        case PageRange::kWeek:
            return "week";
        case PageRange::kMonth:
            break;
    }
    return "month";
}

std::optional<PageRange> parse_page_range(std::string_view text) {
    for (const auto range : {PageRange::kHour, PageRange::kDay, PageRange::kWeek, PageRange::kMonth}) {
        if (text == to_string(range)) return range;
    }
    return std::nullopt;
}

Micros length_of(PageRange range) {
    switch (range) {
        case PageRange::kHour:
            return core::kHour;
        case PageRange::kDay:
            return core::kDay;
        case PageRange::kWeek:
            return 7 * core::kDay;
        case PageRange::kMonth:
            break;
    }
    return 30 * core::kDay;
}

probe::Resolution resolution_of(PageRange range) {
    const bool long_ago = range == PageRange::kWeek || range == PageRange::kMonth;
    return long_ago ? probe::Resolution::kHour : probe::Resolution::kMinute;
}

std::vector<ChartPoint> chart_points(std::span<const probe::Rollup> rollups, PageRange range, Micros step_us,
                                     Micros now_wall_us) {
    struct Group {
        std::vector<Micros> p50, p95;
        std::uint64_t attempts = 0, failures = 0;
        std::map<Reason, std::uint64_t> reasons;
    };
    std::map<Micros, Group> groups;
    for (const auto& r : rollups) {
        if (r.start_wall_us <= now_wall_us - length_of(range) || r.start_wall_us > now_wall_us) continue;
        Group& group = groups[r.start_wall_us - r.start_wall_us % step_us];
        group.attempts += r.attempts;
        group.failures += r.failures;
        for (const auto& reason : r.reasons)
            group.reasons[reason.reason] += reason.count;
        if (const auto& total = r.series[probe::kTotal]) {
            group.p50.push_back(total->p50_us);
            group.p95.push_back(total->p95_us);
        }
    }
    std::vector<ChartPoint> out;
    for (auto& [at, group] : groups) {
        ChartPoint p{at, {}, {}, group.attempts, group.failures, Reason::kNone};
        if (!group.p50.empty()) {
            std::sort(group.p50.begin(), group.p50.end());
            p.p50_us = group.p50[group.p50.size() / 2];
            p.p95_us = *std::max_element(group.p95.begin(), group.p95.end());
        }
        std::uint64_t most = 0;
        for (const auto& [reason, count] : group.reasons) {
            if (reason == Reason::kNone || count <= most) continue;
            p.reason = reason;
            most = count;
        }
        out.push_back(p);
    }
    return out;
}

std::string chart_section(std::span<const probe::Rollup> rollups, PageRange range, Micros now_wall_us,
                          const PageWords& words) {
    const Grain grain = grain_of(range);
    const auto points = chart_points(rollups, range, grain.point_us, now_wall_us);
    const std::string sentence = summary(points, words);
    if (sentence.empty()) return fmt::format("<p class=\"empty\">{}</p>\n", words.chart_empty);
    return fmt::format(
        "<p class=\"note\">{}</p>\n{}<p class=\"legend\" aria-hidden=\"true\"><span "
        "class=\"p50\">p50</span> <span class=\"band\">{}</span> <span class=\"failed\">{}</span></p>\n{}",
        sentence, Drawing(points, range, now_wall_us).draw(sentence), words.band, words.failed_probes,
        table(chart_points(rollups, range, grain.row_us, now_wall_us), words));
}

}  // namespace postern::agent
