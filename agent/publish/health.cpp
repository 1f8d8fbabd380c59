// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/health.h"

#include <algorithm>

#include "agent/client/probe_round.h"
#include "agent/client/probe_targets.h"
#include "agent/steering/answer_policy.h"
#include "core/loop.h"
#include "probe/probe_run.h"
#include "probe/tls_contexts.h"
#include "probe/verdict.h"

namespace postern::agent::publish {
namespace {

std::vector<AddressVerdict> probe_rounds(core::Loop& loop, const LinkConfig& link, const EndpointSet& addresses,
                                         const std::vector<probe::ProbeTarget>& targets,
                                         const std::function<bool(core::Micros)>& sleep) {
    core::SystemClock clock(loop);
    probe::TlsContexts contexts(loop);
    probe::NetworkLauncher launcher(loop, clock, contexts);
    probe::VerdictBook book(clock);
    std::vector<probe::ScheduledTarget> scheduled;
    for (const auto& target : targets) {
        scheduled.push_back(
            {target, {link.probe.fall, link.probe.rise, link.probe.interval_us, link.probe.fast_interval_us}});
    }
    book.set_targets(scheduled);
    for (int round = 0; round < link.probe.fall; ++round) {
        if (round > 0 && !sleep(link.probe.fast_interval_us)) return {};
        bool settled = true;
        for (const auto& result : probe_each(loop, launcher, targets)) {
            book.fold(result);
            settled = settled && (result.ok || probe::is_local(result.reason));
        }
        if (settled) break;  // more of them would change nothing
    }
    std::vector<AddressVerdict> out;
    for (const auto& a : addresses) {
        AddressVerdict v{.address = a};
        if (const auto* health = book.find(link.name, a.ip)) {
            v.verdict = health->verdict;
            v.service_comparable = health->service_down_comparable;
            v.last_ok_mono_us = health->last_ok_mono_us;
        }
        out.push_back(std::move(v));
    }
    return out;
}

}  // namespace

core::Result<Judged> judge_name(const Config& config, const LinkConfig& link, const EndpointSet& addresses,
                                const std::function<bool(core::Micros)>& sleep) {
    if (!link.probe.enabled) return Judged{addresses, "not probed: all are answered"};
    TargetWish wish;
    wish.link = link.name;
    for (const auto& a : addresses)
        wish.addresses.push_back(a.ip);
    const auto targets = probe_targets(config, wish);
    if (!targets) return core::fail(targets.error());
    core::Loop loop;
    const auto verdicts = probe_rounds(loop, link, addresses, targets->targets, sleep);
    loop.close();
    if (verdicts.empty()) return core::fail(core::Code::kCancelled, "interrupted");
    const AnswerDecision decision = decide_answer(verdicts, "");
    Judged out{{}, decision.explain};
    for (const auto& a : addresses) {
        if (std::find(decision.fresh.begin(), decision.fresh.end(), a.ip) != decision.fresh.end())
            out.answer.push_back(a);
    }
    return out;
}

}  // namespace postern::agent::publish
