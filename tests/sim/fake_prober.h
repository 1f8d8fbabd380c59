// SPDX-License-Identifier: Apache-2.0
// Attempts without sockets, for simulations: the result of each address is set by the test, and reported after a
// latency on the fake clock.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "probe/probe_launcher.h"

namespace postern::test {

class FakeProber final : public probe::ProbeLauncher {
  public:
    struct Outcome {
        probe::Reason reason = probe::Reason::kNone;  // kNone: good
        core::Micros latency_us = 3 * core::kMillisecond;
        bool hangs = false;  // no result until the spec's timeout, then `reason`
        core::Micros cert_days_left = 60;
    };
    struct Start {
        core::Micros at = 0;
        std::string link;
        core::IpAddress ip;
    };

    explicit FakeProber(core::Clock& clock) : clock_(clock) {}

    void set_default(Outcome outcome) { default_ = outcome; }
    void set(const core::IpAddress& ip, Outcome outcome) { outcomes_[ip] = outcome; }
    void set(std::string_view ip, Outcome outcome) { set(*core::IpAddress::parse(ip), outcome); }
    void set(std::string_view ip, probe::Reason reason) { set(ip, Outcome{reason}); }
    /// Decides each attempt anew, instead of the outcomes by address.
    void set_each(std::function<Outcome(const probe::ProbeTarget&)> decide) { decide_ = std::move(decide); }
    void clear() { outcomes_.clear(); }

    /// Every start so far; keep it small with record_starts(false) in long runs.
    const std::vector<Start>& starts() const { return starts_; }
    void record_starts(bool on) { recording_ = on; }
    std::uint64_t count() const { return count_; }
    std::size_t running() const { return running_; }
    std::size_t most_running() const { return most_running_; }

    std::unique_ptr<probe::RunningProbe> launch(const probe::ProbeTarget& target, probe::ProbeDone done) override {
        ++count_;
        if (recording_) starts_.push_back({clock_.mono_us(), target.link, target.ip});
        most_running_ = std::max(most_running_, ++running_);
        return std::make_unique<Run>(*this, target, outcome_of(target), std::move(done));
    }

  private:
    Outcome outcome_of(const probe::ProbeTarget& target) const {
        if (decide_) return decide_(target);
        const auto it = outcomes_.find(target.ip);
        return it == outcomes_.end() ? default_ : it->second;
    }
    static probe::Phase phase_of(probe::Reason reason) {
        const std::string_view name = probe::to_string(reason);
        if (name.starts_with("tls") || name.starts_with("cert")) return probe::Phase::kTls;
        if (name == "http_timeout" || name == "http_reset") return probe::Phase::kTtfb;
        if (name == "http_truncated" || name == "http_protocol" || name == "body_too_large")
            return probe::Phase::kTransfer;
        if (name.starts_with("sql")) return probe::Phase::kSql;
        if (name.starts_with("http") || name.starts_with("body") || name == "not_tdengine" || name == "token_missing") {
            return probe::Phase::kReply;
        }
        return probe::Phase::kConnect;
    }

    class Run final : public probe::RunningProbe {
      public:
        Run(FakeProber& prober, const probe::ProbeTarget& target, const Outcome& outcome, probe::ProbeDone done)
            : prober_(prober), began_wall_(prober.clock_.wall_us()), timer_(prober.clock_) {
            const core::Micros takes = outcome.hangs ? target.spec->timeout_us : outcome.latency_us;
            timer_.start_in(takes, [this, target, outcome, takes, done = std::move(done)] {
                probe::ProbeResult result = probe::begin_result(target, began_wall_);
                result.ok = outcome.reason == probe::Reason::kNone;
                result.reason = outcome.reason;
                result.phase = result.ok ? probe::Phase::kCount : phase_of(outcome.reason);
                if (!result.ok) result.detail = "simulated";
                const auto last =
                    std::min<std::size_t>(static_cast<std::size_t>(result.phase), probe::kTimedPhases - 1);
                for (std::size_t i = 0; i <= last; ++i)
                    result.phase_us[i] = i == last ? takes : 0;
                result.total_us = takes;
                if (result.ok || last == probe::kTimedPhases - 1) result.http_status = 200;
                if (result.ok) result.sql_code = 0;
                if (last > 0) {
                    result.certificate.present = true;
                    result.certificate.not_after_us = result.certificate.chain_not_after_us =
                        began_wall_ + outcome.cert_days_left * core::kDay;
                }
                done(std::move(result));  // may destroy this run
            });
        }
        ~Run() override { --prober_.running_; }

      private:
        FakeProber& prober_;
        core::Micros began_wall_;
        core::Timer timer_;
    };

    core::Clock& clock_;
    Outcome default_;
    std::map<core::IpAddress, Outcome> outcomes_;
    std::function<Outcome(const probe::ProbeTarget&)> decide_;
    std::vector<Start> starts_;
    bool recording_ = true;
    std::uint64_t count_ = 0;
    std::size_t running_ = 0, most_running_ = 0;
};

}  // namespace postern::test
