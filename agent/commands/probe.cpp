// SPDX-License-Identifier: Apache-2.0
// `postern probe`: runs the agent's probe engine once, for a person.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/client/probe_round.h"
#include "agent/client/probe_targets.h"
#include "agent/commands/cli.h"
#include "agent/faults/reason_text.h"
#include "agent/text/terminal.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/text.h"
#include "probe/probe_run.h"
#include "probe/record.h"
#include "probe/tls_contexts.h"
#include "probe/verdict.h"

namespace postern::agent {

namespace {

using probe::Phase;
using probe::ProbeResult;
using probe::ProbeTarget;
using probe::Reason;

constexpr Micros kBetweenRounds = 200 * core::kMillisecond;
constexpr std::size_t kColumn = 9;
constexpr std::string_view kBlocks[probe::kTimedPhases] = {"░", "▒", "▓", "█", "▄"};  // distinguishable without colour

enum class Outcome { kPassed, kFailed, kNotMeasured };

/// Without a token the gateway's 401 is the best result: it counts as passed.
Outcome outcome(const ProbeResult& r, const ProbeTarget& target) {
    if (r.ok || (r.reason == Reason::kTokenMissing && target.spec->token.empty())) return Outcome::kPassed;
    return probe::is_local(r.reason) ? Outcome::kNotMeasured : Outcome::kFailed;
}

class Report {
  public:
    Report(const ProbeCommand& command, const std::vector<ProbeTarget>& targets)
        : paint_(colour_wanted()),
          columns_(std::clamp<std::size_t>(terminal_columns(), 40, 120)),
          targets_(targets),
          totals_(targets.size()),
          counts_(targets.size()),
          many_(command.count > 1),
          ws_(std::any_of(targets.begin(), targets.end(), [](const auto& t) { return t.spec->ws; })) {}

    void count(const std::vector<ProbeResult>& results) {
        for (std::size_t i = 0; i < results.size(); ++i) {
            const Outcome how = outcome(results[i], targets_[i]);
            ++counts_[i][static_cast<std::size_t>(how)];
            if (how == Outcome::kPassed) totals_[i].push_back(results[i].total_us);
        }
    }

    void show(const std::vector<ProbeResult>& results) {
        std::string out, link = "\n";
        if (many_ && !std::exchange(headed_, true)) out += table_head();
        for (std::size_t i = 0; i < results.size(); ++i) {
            const Outcome how = outcome(results[i], targets_[i]);
            if (!many_ && targets_[i].link != link) out += heading(targets_[i]);
            link = targets_[i].link;
            out += many_ ? one_line(results[i], targets_[i], how) : block(results[i], targets_[i], how);
        }
        print(out);
    }

    void summary() const {
        if (!many_) return;
        std::string out = "\n";
        for (std::size_t i = 0; i < targets_.size(); ++i) {
            auto times = totals_[i];
            std::sort(times.begin(), times.end());
            const auto total = std::accumulate(counts_[i].begin(), counts_[i].end(), std::size_t{0});
            core::Message what = core::message("{} of {} passed", counts_[i][0], total);
            if (!times.empty()) {
                what = core::message("{}, min {} median {} max {} ms", std::move(what), core::in_ms(times.front()),
                                     core::in_ms(times[times.size() / 2]), core::in_ms(times.back()));
            }
            out += fmt::format("{}  {}\n", pad(targets_[i].ip.text(), 15), told(what));
        }
        print(out);
    }

    int code() const {
        std::array<std::size_t, 3> all{};
        for (const auto& c : counts_) {
            for (std::size_t k = 0; k < all.size(); ++k)
                all[k] += c[k];
        }
        const auto [passed, failed, unmeasured] = all;
        if (failed + unmeasured == 0) return kExitGood;
        if (passed > 0) return kExitWarning;
        return failed > 0 ? kExitFailed : kExitUnknown;
    }

  private:
    std::string heading(const ProbeTarget& t) const {
        const std::string name = t.link.empty() ? "" : paint_.bold(t.link) + "  ";
        if (t.spec->kind == probe::Kind::kTcp) return fmt::format("{}tcp {}:{}\n", name, t.spec->host, t.spec->port);
        const std::string url = fmt::format("{}https://{}:{}{}", name, t.spec->host, t.spec->port, t.spec->path);
        return t.spec->kind == probe::Kind::kTdengine ? fmt::format("{}  {}\n", url, paint_.dim(t.spec->sql))
                                                      : url + "\n";
    }

    std::string mark(Outcome how) const {
        switch (how) {
            case Outcome::kPassed:
                return paint_.green(told("✓ ok"));
            case Outcome::kFailed:
                return paint_.red(told("✕ failed"));
            case Outcome::kNotMeasured:
                return paint_.yellow(told("? not measured"));
        }
        return "";
    }

    /// "░ connect 0.1  ▒ tls 3.2 …"; the failed phase is red, phases not reached are "-".
    std::string numbers(const ProbeResult& r) const {
        std::string out;
        for (std::size_t i = 0; i < probe::kTimedPhases; ++i) {
            const bool here = !r.ok && static_cast<std::size_t>(r.phase) == i;
            std::string value = r.phase_us[i] ? core::in_ms(*r.phase_us[i]) : "-";
            out += fmt::format("{}{} {} {}", i == 0 ? "" : "  ", kBlocks[i], probe::to_string(static_cast<Phase>(i)),
                               here ? paint_.red(value) : value);
        }
        out += " ms";
        if (r.ws_us) {  // a separate connection, not in the total
            const std::string value = core::in_ms(*r.ws_us);
            out += fmt::format("  + WebSocket {} ms", r.phase == Phase::kWs ? paint_.red(value) : value);
        }
        return out;
    }

    std::string bar(const ProbeResult& r) const {
        const std::size_t width = columns_ - 4;
        Micros total = 0;
        for (const auto& p : r.phase_us)
            total += p.value_or(0);
        if (total <= 0) return "";
        std::string out;
        Micros before = 0;
        std::size_t drawn = 0;
        for (std::size_t i = 0; i < probe::kTimedPhases; ++i) {
            if (!r.phase_us[i]) continue;
            before += *r.phase_us[i];
            const auto end = static_cast<std::size_t>(static_cast<double>(before) / static_cast<double>(total) *
                                                      static_cast<double>(width));
            std::string piece;
            for (; drawn < end; ++drawn)
                piece += kBlocks[i];
            const bool here = !r.ok && static_cast<std::size_t>(r.phase) == i;
            out += here ? paint_.red(piece) : i % 2 == 0 ? paint_.cyan(piece) : piece;
        }
        return out;
    }

    std::string good_details(const ProbeResult& r) const {
        core::Message out;
        const auto add = [&out](core::Message text) { core::add_item(out, std::move(text)); };
        if (r.http_status) add(core::message("HTTP {}", *r.http_status));
        if (r.sql_code) add(core::message("code {}", *r.sql_code));
        if (!r.tls_version.empty())
            add(r.tls_group.empty() ? core::Message(r.tls_version)
                                    : core::message("{} with {}", r.tls_version, r.tls_group));
        if (r.large_hello != probe::HandshakeFate::kUnknown)
            add(core::message("large ClientHello {}", std::string(probe::to_string(r.large_hello)).c_str()));
        if (r.certificate.present)
            add(core::message("certificate until {}", core::format_time(r.certificate.not_after_us)));
        return told(out);
    }

    std::string block(const ProbeResult& r, const ProbeTarget& t, Outcome how) const {
        std::string out =
            fmt::format("\n  {}{}  {}  {} ms\n", paint_.bold(t.ip.text()),
                        t.zone.empty() ? "" : "  " + printable(t.zone), mark(how), core::in_ms(r.total_us));
        out += "    " + numbers(r) + "\n";
        if (const std::string drawn = bar(r); !drawn.empty()) out += "    " + drawn + "\n";
        if (r.ok) return out + "    " + paint_.dim(good_details(r)) + "\n";
        const ReasonContext context{t.link, t.spec->host, t.ip.text(), t.spec->port};
        const std::string where(probe::to_string(r.phase));
        const auto line = [&](const char* key, const core::Message& text) {
            out += fmt::format("    {}{}\n", pad(told(key), 8), wrap_text(printable(told(text)), columns_, 12));
        };
        line("reason", core::message("{}, at {}", probe::to_string(r.reason), where));
        line("cause", reason_cause(r.reason, context, shown_language()));
        if (!r.detail.empty()) line("detail", r.detail);
        if (const std::string fix = reason_fix(r.reason, context, shown_language()); !fix.empty()) line("fix", fix);
        return out;
    }

    std::string table_head() const {
        std::string out = pad(told("milliseconds"), 15) + pad_left(told("total"), 9);
        for (std::size_t i = 0; i < probe::kTimedPhases; ++i)
            out += pad_left(probe::to_string(static_cast<Phase>(i)), kColumn);
        if (ws_) out += pad_left("ws", kColumn);
        return paint_.dim(out) + "\n";
    }

    std::string one_line(const ProbeResult& r, const ProbeTarget& t, Outcome how) const {
        std::string out = pad(t.ip.text(), 15) + pad_left(core::in_ms(r.total_us), 9);
        for (std::size_t i = 0; i < probe::kTimedPhases; ++i)
            out += pad_left(r.phase_us[i] ? core::in_ms(*r.phase_us[i]) : "-", kColumn);
        if (ws_) out += pad_left(r.ws_us ? core::in_ms(*r.ws_us) : "-", kColumn);
        return out + "  " + (r.ok ? mark(how) : paint_.red(fmt::format("✕ {}", probe::to_string(r.reason)))) + "\n";
    }

    Paint paint_;
    std::size_t columns_;
    const std::vector<ProbeTarget>& targets_;
    std::vector<std::vector<Micros>> totals_;
    std::vector<std::array<std::size_t, 3>> counts_;
    bool many_, ws_, headed_ = false;
};

/// One JSON document: {"schema_version":1,"probes":[record, …]}, records as in the log.
class JsonReport {
  public:
    JsonReport(core::Clock& clock, const std::vector<ProbeTarget>& targets) : verdicts_(clock) {
        std::vector<probe::ScheduledTarget> scheduled;
        // A single attempt is the verdict here.
        for (const auto& t : targets)
            scheduled.push_back({t, {.fall = 1, .rise = 1}});
        verdicts_.set_targets(scheduled);
    }
    void add(const std::vector<ProbeResult>& results) {
        for (const auto& r : results) {
            text_ += text_.empty() ? "\n" : ",\n";
            text_ += probe::to_json(probe::make_record(r, verdicts_.fold(r), ++seq_));
        }
    }
    std::string text() const { return "{\"schema_version\":1,\"probes\":[" + text_ + "\n]}\n"; }

  private:
    probe::VerdictBook verdicts_;
    std::string text_;
    std::uint64_t seq_ = 0;
};

int probe_all(const ProbeCommand& command, const std::vector<ProbeTarget>& targets) {
    core::Loop loop;
    int code = kExitUnknown;
    {
        core::SystemClock clock(loop);
        probe::TlsContexts contexts(loop);
        probe::NetworkLauncher launcher(loop, clock, contexts);
        Report report(command, targets);
        JsonReport json(clock, targets);
        std::optional<Interruptible> interruptible;  // for several rounds, summarise those that are done
        if (command.count > 1) interruptible.emplace();
        for (int i = 0; i < command.count && (i == 0 || interruptible->sleep(kBetweenRounds)); ++i) {
            auto results = probe_each(loop, launcher, targets);
            if (command.count == 1) send_large_hellos(loop, clock, targets, results);
            report.count(results);
            if (command.json) {
                json.add(results);
            } else {
                report.show(results);
            }
        }
        if (command.json) print_data(json.text());
        if (!command.json) report.summary();
        code = report.code();
    }
    loop.close();
    return code;
}

}  // namespace

int run_command(const ProbeCommand& command) {
    core::configure_log(core::Level::kError, core::LogFormat::kText);  // errors are printed here, once
    const auto targets = probe_targets(command.target);
    if (!targets) {
        complain("probe", targets.error());
        return kExitUnknown;
    }
    for (const auto& note : targets->notes)
        complain("probe", note);
    return probe_all(command, targets->targets);
}

}  // namespace postern::agent
