// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/agent_status.h"

#include <algorithm>
#include <array>
#include <set>

#include "agent/client/agent_client.h"
#include "agent/faults/codes.h"
#include "agent/text/json_view.h"
#include "core/text.h"

namespace postern::agent::doctor {

namespace {

/// What doctor does not look at itself, or can't from outside the agent.
bool only_the_agent_sees(const Fault& fault) {
    const CodeInfo* info = find_code(fault.code);
    if (info == nullptr) return true;  // of a newer agent
    if (info->step == Step::kAgent) return true;
    // Of the clock doctor may see the same: merge_host_limits().
    constexpr std::array<std::string_view, 5> kOthers = {"PN-CONFIG-OLDER", "PN-CONFIG-REFUSED", "PN-CONFIG-RESTART",
                                                         "PN-API-CLOCK", "PN-APP-FREEING"};
    return std::find(kOthers.begin(), kOthers.end(), fault.code) != kOthers.end() ||
           fault.code.starts_with("PN-UPSTREAM-") || fault.code.starts_with("PN-LIST-");
}

core::Message message_in(const JsonView& told, int depth = 0) {
    if (!told.is_object() || depth > kMaxMessageDepth) return told.text();
    std::vector<core::Message> values;
    for (const JsonView& value : told.at("values").items())
        values.push_back(message_in(value, depth + 1));
    return {told.at("form").text(), std::move(values)};
}

Fault fault_in(const JsonView& told) {
    Values values;
    for (const auto& [name, value] : told.at("values").members())
        values[name] =
            value.is_object() ? catalogued(value.at("section").text(), value.at("key").text()) : value.text();
    for (const auto& [name, message] : told.at("messages").members())
        values[name] = told_value(message_in(message));
    Fault f = make_fault(told.at("code").text(), told.at("link").text(), told.at("ip").text(), std::move(values));
    f.state = told.at("severity").text() == "fail" ? State::kFail : State::kWarn;
    if (find_code(f.code) == nullptr) {
        f.code = "PN-AGENT-WARNING";
        f.values["problem"] = told.at("cause").text();
    }
    return f;
}

/// An agent older than faults has only texts.
void read_faults(const JsonView& status, AgentSeen& seen) {
    for (const JsonView& told : status.at("faults").items()) {
        Fault fault = fault_in(told);
        if (only_the_agent_sees(fault)) seen.faults.push_back(std::move(fault));
    }
    if (status.at("faults").is_array()) return;
    for (const JsonView& text : status.at("warnings").items())
        seen.faults.push_back(make_fault("PN-AGENT-WARNING", {}, {}, {{"problem", text.text()}}));
    if (const std::string problem = status.at("resolver").at("problem").text(); !problem.empty())
        seen.faults.push_back(make_fault("PN-AGENT-RESOLVER", {}, {}, {{"problem", problem}}));
}

/// The agent's discovery errors of links that have no address, and whether it has found everything that it searches for in
/// the cloud.
void read_discovery(const Config& config, const JsonView& status, AgentSeen& seen) {
    seen.discovers = true;
    for (const LinkConfig& link : config.links) {
        if (link.endpoints.empty() && !link.find.configured()) continue;
        bool found = false;
        for (const JsonView& told : status.at("links").items()) {
            if (told.at("name").text() != link.name) continue;
            const JsonView discovery = told.at("discovery"), error = discovery.at("error");
            const JsonView message = error.at("message");  // an older agent has the English text only
            const core::Message problem =
                message.is_null() ? core::Message(error.at("what").text()) : message_in(message);
            Fault doubt = make_fault("PN-AGENT-DISCOVERY", link.name, {}, {{"problem", told_value(problem)}});
            const bool known =
                std::any_of(seen.faults.begin(), seen.faults.end(), [&](const Fault& f) { return f.same_as(doubt); });
            if (error.is_object() && !known) seen.faults.push_back(std::move(doubt));
            found = error.is_null() && !discovery.at("confirmed").text().empty();
        }
        seen.discovers = seen.discovers && found;
    }
}

void read_one_zone(const JsonView& status, AgentSeen& seen) {
    for (const JsonView& link : status.at("links").items()) {
        const JsonView f = link.at("one_zone");
        if (!f.is_object()) continue;
        seen.one_zone.emplace_back(
            link.at("name").text(),
            OneZone{f.at("name").text(), f.at("endpoint").text(), f.at("zone").text(), f.at("others").text(),
                    f.at("domains").text(), f.at("zone_affinity").boolean()});
    }
}

std::uint64_t count(const JsonView& number) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(number.integer().value_or(0), 0));
}

/// An agent that does not know them, or an older one, has null or nothing there.
void read_connections(const JsonView& status, AgentSeen& seen) {
    const auto add = [&seen](const JsonView& link, const std::string& ip, const JsonView& told, bool bypass) {
        ConnectionsSeen c{link.at("name").text(), link.at("host").text(), ip, bypass};
        c.total = count(told.at("total"));
        c.stuck = count(told.at("stuck"));
        c.without_keepalive = count(told.at("without_keepalive"));
        c.stuck_for_us = told.at("stuck_for_us").integer().value_or(0);
        for (const JsonView& user : told.at("users").items())
            core::add_item(c.users, user.at("uid").text());
        if (c.total > 0) seen.connections.push_back(std::move(c));
    };
    for (const JsonView& link : status.at("links").items()) {
        for (const JsonView& address : link.at("addresses").items())
            add(link, address.at("ip").text(), address.at("connections"), false);
        for (const JsonView& gateway : link.at("connections").at("bypass").items())
            add(link, gateway.at("ip").text(), gateway, true);
    }
}

/// Whether its links are the configuration's, and which databases it reaches.
void read_links(const JsonView& status, const Config& config, AgentSeen& seen) {
    std::set<std::pair<std::string, std::string>> its, ours;
    for (const LinkConfig& link : config.links)
        ours.emplace(link.name, link.host);
    for (const JsonView& link : status.at("links").items()) {
        its.emplace(link.at("name").text(), link.at("host").text());
        for (const JsonView& address : link.at("addresses").items()) {
            const auto ip = core::IpAddress::parse(address.at("ip").text());
            const auto service = probe::parse_state(address.at("service").text());
            if (ip && (service == probe::State::kUp || service == probe::State::kDegraded))
                seen.serves.emplace_back(link.at("name").text(), *ip);
        }
    }
    seen.other_links = its != ours;
}

}  // namespace

void read_agent_status(std::string_view body, const Config& config, AgentSeen& seen) {
    const auto status = JsonView::parse(body, kMaxAgentReply);
    if (!status || !status->at("resolver").is_object()) {
        seen.state = AgentState::kForeign;
        seen.problem = kAnotherProgram;
        return;
    }
    seen.version = status->at("version").text();
    read_faults(*status, seen);
    read_one_zone(*status, seen);
    read_discovery(config, *status, seen);
    read_connections(*status, seen);
    read_links(*status, config, seen);
}

}  // namespace postern::agent::doctor
