// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/probe_route.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>

#include "agent/text/metrics_writer.h"
#include "agent/text/values.h"
#include "core/text.h"

namespace postern::agent {

namespace {

constexpr double kOffsetSeconds = 0.5;  // for the way back to Prometheus
constexpr double kMaxSeconds = 24 * 3600;

HttpReply bad(std::string_view what) {
    return HttpReply::text(400, fmt::format("400: {}\n", what));
}

HttpReply later(core::Micros wait_us, std::string_view what) {
    HttpReply reply = HttpReply::text(429, fmt::format("429: {}\n", what));
    const core::Micros seconds = std::max<core::Micros>(1, (wait_us + core::kSecond - 1) / core::kSecond);
    reply.headers.emplace_back("Retry-After", std::to_string(seconds));
    return reply;
}

std::string list_of(const std::vector<std::string>& names) {
    return names.empty() ? "none" : core::joined(names);
}

/// Not longer than the scraper waits, nor than the link's timeout.
void shorten(probe::ProbeTarget& target, core::Micros budget_us) {
    if (target.spec->timeout_us <= budget_us) return;
    auto spec = std::make_shared<probe::ProbeSpec>(*target.spec);
    spec->timeout_us = budget_us;
    spec->connect_timeout_us = std::min(spec->connect_timeout_us, budget_us);
    target.spec = std::move(spec);
}

}  // namespace

std::optional<core::Micros> scrape_budget_us(const std::string& header) {
    char* end = nullptr;
    const double seconds = std::strtod(header.c_str(), &end);
    if (end == header.c_str() || *end != '\0' || !std::isfinite(seconds) || seconds <= 0) return std::nullopt;
    const double bounded = std::min(seconds, kMaxSeconds);
    return static_cast<core::Micros>((bounded - std::min(kOffsetSeconds, bounded / 2)) * 1e6);
}

/// The attempts of one request. Destroyed with it, which cancels the running ones.
class ProbeRoute::Work final : public HttpWork {
  public:
    Work(ProbeRoute& route, ProbedLink link, std::function<void(HttpReply)> deliver)
        : route_(route),
          deliver_(std::move(deliver)),
          policy_(link.policy),
          kind_(link.targets.front().spec->kind),
          results_(link.targets.size()),
          left_(link.targets.size()) {
        ++route_.in_flight_;
        for (std::size_t i = 0; i < link.targets.size(); ++i) {
            const bool has_token = !link.targets[i].spec->token.empty();
            running_.push_back(route.launcher_.launch(link.targets[i], [this, i, has_token](probe::ProbeResult r) {
                results_[i] = {std::move(r), has_token};
                if (--left_ == 0) finish();
            }));
        }
    }
    ~Work() override { release(); }

  private:
    void finish() {
        release();  // the reply may still be sent to a slow client
        deliver_({200, std::string(kMetricsType), probe_text(kind_, policy_, results_), {}});
    }
    void release() {
        if (!std::exchange(counted_, false)) return;
        --route_.in_flight_;
    }

    ProbeRoute& route_;
    std::function<void(HttpReply)> deliver_;
    probe::LinkPolicy policy_;
    probe::Kind kind_;
    std::vector<ProbedAddress> results_;
    std::size_t left_;
    bool counted_ = true;
    std::vector<std::unique_ptr<probe::RunningProbe>> running_;
};

ProbeRoute::ProbeRoute(core::Clock& clock, probe::ProbeLauncher& launcher, ServedAgent& agent, ProbeRouteLimits limits)
    : clock_(clock), launcher_(launcher), agent_(agent), limits_(limits) {}

core::Micros ProbeRoute::take_turn(const std::string& link) {
    const core::Micros now = clock_.mono_us();
    Bucket& bucket = buckets_.try_emplace(link, Bucket{0, now}).first->second;
    const core::Micros refilled = (now - bucket.since_us) / limits_.refill_us;
    bucket.since_us += refilled * limits_.refill_us;
    bucket.used = static_cast<int>(std::max<core::Micros>(0, bucket.used - refilled));
    if (bucket.used >= limits_.burst) return bucket.since_us + limits_.refill_us - now;
    ++bucket.used;
    return 0;
}

HttpReply ProbeRoute::answer(const HttpQuery& query) {
    const std::string name = query.argument("target").value_or("");
    if (name.empty()) return bad("say what to probe: /probe?target=LINK[&address=IP]");
    auto link = agent_.probed_link(name);
    if (!link)
        return bad(
            fmt::format("target={}: there is no such link; there are: {}", shown(name), list_of(agent_.link_names())));
    if (const auto text = query.argument("address")) {
        const auto ip = core::IpAddress::parse(*text);
        if (!ip) return bad(fmt::format("address={}: expected an IP address", shown(*text)));
        std::vector<std::string> known;
        for (const auto& target : link->targets)
            known.push_back(target.ip.text());
        std::erase_if(link->targets, [&](const probe::ProbeTarget& t) { return t.ip != *ip; });
        if (link->targets.empty()) {
            return bad(
                fmt::format("address={}: {} does not have that address; it has: {}", ip->text(), name, list_of(known)));
        }
    }
    if (const std::string header = query.header("x-prometheus-scrape-timeout-seconds"); !header.empty()) {
        const auto budget = scrape_budget_us(header);
        if (!budget) return bad("X-Prometheus-Scrape-Timeout-Seconds: expected a number of seconds");
        for (auto& target : link->targets)
            shorten(target, *budget);
    }
    if (in_flight_ >= limits_.in_flight) return later(core::kSecond, "too many probes run already");
    if (const core::Micros wait = take_turn(name); wait > 0) {
        return later(wait, fmt::format("{} is probed too often; for its scheduled probes see /metrics", name));
    }
    if (link->targets.empty()) {
        // As blackbox_exporter for a name that does not resolve: a failed probe, not a failed scrape.
        return {200, std::string(kMetricsType), probe_text(probe::Kind::kTdengine, link->policy, {}), {}};
    }
    HttpReply reply;
    reply.later = [this, found = std::move(*link)](std::function<void(HttpReply)> deliver) {
        return std::make_unique<Work>(*this, found, std::move(deliver));
    };
    return reply;
}

}  // namespace postern::agent
