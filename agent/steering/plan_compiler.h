// SPDX-License-Identifier: Apache-2.0
// Compiles the plan: configuration × decisions × upstreams → complete DNS answers, built by ldns.
#pragma once

#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/steering/answer_policy.h"
#include "core/error.h"
#include "core/plan.h"

namespace postern::agent {

/// The plan's input for one link.
struct PlanLinkInput {
    std::string name;
    std::string host;
    EndpointSet addresses;  // all known; empty: not ready (SERVFAIL + EDE 14)
    AnswerDecision decision;
    Micros verdicts_until = 0;              // mono_us; 0: no verdicts, `stale` holds
    bool answer = true;                     // false: the plan has the link without its name, which is forwarded
    std::vector<core::PlanTarget> targets;  // their `link` is the compiler's
};

struct PlanInput {
    std::uint64_t generation = 0;
    std::string boot_id;
    Micros now_wall_us = 0;
    DnsConfig dns;
    std::vector<core::SocketAddress> upstreams;
    std::uint64_t upstream_budget_ms = 4000;
    std::uint64_t client_patience_ms = 10000;
    std::string host_zone;  // addresses in this zone come first; "" if unknown
    std::vector<PlanLinkInput> links;
};

/// Fingerprint of the lasting content: names, addresses, upstreams, settings; not verdicts, targets, generation, times.
std::uint64_t membership_of(const PlanInput& input);

/// The plan with its verdicts. kConfigBadValue if a host is not a DNS name, kTooLarge if an answer is.
core::Result<core::Plan> compile_plan(const PlanInput& input);

/// The same without verdicts, for the copy on disk: every address, in answer order.
PlanInput without_verdicts(PlanInput input);

/// The keys of a link's and an upstream's slots in the statistics.
std::uint32_t link_id(const std::string& name);
std::uint32_t upstream_id(const core::SocketAddress& address);

class HostSystem;
/// A plan without the agent: fixed addresses, the saved snapshot, and the upstreams that this host names or that the
/// plan in place has (`postern plan compile`).
core::Result<core::Bytes> compile_offline(const Config& config, const HostSystem& host);

}  // namespace postern::agent
