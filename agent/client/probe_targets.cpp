// SPDX-License-Identifier: Apache-2.0
#include "agent/client/probe_targets.h"

#include <algorithm>
#include <map>

#include "agent/client/agent_client.h"
#include "agent/client/console.h"
#include "agent/config/paths.h"
#include "agent/config/probe_spec.h"
#include "agent/config/token_store.h"
#include "agent/discovery/remembered.h"
#include "agent/text/values.h"
#include "core/text.h"

namespace postern::agent {

using core::Code;
using core::fail;

namespace {

core::Result<std::shared_ptr<probe::ProbeSpec>> make_spec(const TargetWish& wish, const LinkConfig& link) {
    TokenSource source = link.token;
    if (!wish.token_file.empty()) source = {wish.token_file, ""};
    core::Secret token;
    if (source.configured()) {
        auto read = read_token(source);
        if (!read) return fail(read.error());
        token = std::move(*read);
    }
    auto spec = std::make_shared<probe::ProbeSpec>(probe_spec(link, std::move(token)));
    if (!wish.host.empty()) spec->host = spec->server_name = wish.host;
    if (wish.port > 0) spec->port = static_cast<std::uint16_t>(wish.port);
    if (!wish.ca_file.empty()) spec->ca_file = wish.ca_file;
    if (wish.timeout_us) spec->timeout_us = spec->connect_timeout_us = *wish.timeout_us;
    return spec;
}

core::Result<ProbeTargets> from_command_line(const TargetWish& wish) {
    LinkConfig link;
    link.host = wish.host;
    const auto spec = make_spec(wish, link);
    if (!spec) return fail(spec.error());
    ProbeTargets out;
    for (const auto& ip : wish.addresses)
        out.targets.push_back({"", ip, "", "", *spec});
    return out;
}

/// Each once.
void note(std::vector<core::Message>& notes, core::Message what) {
    if (std::find(notes.begin(), notes.end(), what) == notes.end()) notes.push_back(std::move(what));
}

/// The addresses of one link, from the best available source.
EndpointSet addresses_of(const Config& config, const LinkConfig& link, const std::map<std::string, EndpointSet>& agent,
                         const Snapshot& snapshot, std::vector<core::Message>& notes) {
    if (const auto told = agent.find(link.name); told != agent.end() && !told->second.empty()) return told->second;
    RememberedAddresses known = remembered_addresses(snapshot, config, link);
    if (known.saved) {
        note(notes, core::message("the agent does not answer: addresses are those saved at {}",
                                  core::format_time(snapshot.written_wall_us)));
    }
    return std::move(known.addresses);
}

EndpointSet narrowed(EndpointSet known, const TargetWish& wish) {
    if (wish.addresses.empty()) return known;
    std::vector<EndpointAddress> out;
    for (const auto& ip : wish.addresses) {
        const auto found = std::find_if(known.begin(), known.end(), [&](const auto& a) { return a.ip == ip; });
        out.push_back(found == known.end() ? EndpointAddress{ip, "", ""} : *found);
    }
    return make_endpoint_set(std::move(out));
}

}  // namespace

core::Result<ProbeTargets> probe_targets(const Config& config, const TargetWish& wish) {
    const auto agent = ask_agent_addresses(config);
    const Snapshot snapshot = load_remembered(paths_of(config.agent), config).snapshot;
    ProbeTargets out;
    bool found = false;
    std::string names;
    for (const auto& link : config.links) {
        core::add_item(names, link.name);
        if (!wish.link.empty() && link.name != wish.link) continue;
        found = true;
        const EndpointSet addresses = narrowed(addresses_of(config, link, agent, snapshot, out.notes), wish);
        if (addresses.empty()) {
            note(out.notes,
                 core::message("{}: no address is known (the agent has not discovered any): give --address IP",
                               link.name));
            continue;
        }
        const auto spec = make_spec(wish, link);
        if (!spec) return fail(spec.error());
        for (const auto& a : addresses)
            out.targets.push_back({link.name, a.ip, a.zone, a.endpoint, *spec});
    }
    if (!found && !wish.link.empty()) {
        return fail(
            Code::kUsage, core::message("there is no link {}", shown(wish.link)),
            names.empty() ? core::Message("the configuration has none") : core::message("there are: {}", names));
    }
    if (out.targets.empty()) {
        return fail(Code::kUsage,
                    out.notes.empty() ? core::message("there is no link in {}", wish.config) : out.notes.front(),
                    "see postern status, or give --host NAME --address IP");
    }
    return out;
}

core::Result<ProbeTargets> probe_targets(const TargetWish& wish) {
    const bool bare = !wish.host.empty() && !wish.addresses.empty() && wish.link.empty() && !wish.config_given;
    if (bare) return from_command_line(wish);
    const auto config = config_or_complain("probe", wish.config);
    if (!config)
        return fail(Code::kConfigBadValue, "the configuration can't be used",
                    "without one: postern probe --host NAME --address IP");
    return probe_targets(*config, wish);
}

}  // namespace postern::agent
