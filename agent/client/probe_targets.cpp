#include "agent/client/probe_targets.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <set>

#include "agent/client/console.h"
#include "agent/config/paths.h"
#include "agent/config/probe_spec.h"
#include "agent/config/token_store.h"
#include "agent/discovery/zones_files.h"
#include "agent/text/values.h"

namespace postern::agent {

using core::Code;
using core::fail;

namespace {

using Json = nlohmann::json;

std::string text_at(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// Addresses by link as the running agent has them; empty when it can't be asked.
std::map<std::string, EndpointSet> ask_running_agent(const Config& config) {
    std::map<std::string, EndpointSet> out;
    const auto reply = ask_agent(config, "GET", "/api/v1/status", 2 * core::kSecond);
    if (!reply || reply->status != 200) return out;
    const Json status = Json::parse(reply->body, nullptr, false);
    if (!status.is_object() || !status.contains("links") || !status["links"].is_array()) return out;
    for (const Json& link : status["links"]) {
        if (!link.is_object() || !link.contains("addresses") || !link["addresses"].is_array()) continue;
        std::vector<EndpointAddress> addresses;
        for (const Json& a : link["addresses"]) {
            if (!a.is_object()) continue;
            if (const auto ip = core::IpAddress::parse(text_at(a, "ip")))
                addresses.push_back({*ip, text_at(a, "zone"), text_at(a, "endpoint")});
        }
        out[text_at(link, "name")] = make_endpoint_set(std::move(addresses));
    }
    return out;
}

core::Result<std::shared_ptr<probe::ProbeSpec>> make_spec(const ProbeCommand& command, const LinkConfig& link) {
    TokenSource source = link.token;
    if (!command.token_file.empty()) source = {command.token_file, ""};
    core::Secret token;
    if (source.configured()) {
        auto read = read_token(source);
        if (!read) return fail(read.error());
        token = std::move(*read);
    }
    auto spec = std::make_shared<probe::ProbeSpec>(probe_spec(link, std::move(token)));
    if (!command.host.empty()) spec->host = spec->server_name = command.host;
    if (command.port > 0) spec->port = static_cast<std::uint16_t>(command.port);
    if (!command.ca_file.empty()) spec->ca_file = command.ca_file;
    if (command.timeout_us) spec->timeout_us = spec->connect_timeout_us = *command.timeout_us;
    return spec;
}

core::Result<ProbeTargets> from_command_line(const ProbeCommand& command) {
    LinkConfig link;
    link.host = command.host;
    const auto spec = make_spec(command, link);
    if (!spec) return fail(spec.error());
    ProbeTargets out;
    for (const auto& ip : command.addresses)
        out.targets.push_back({"", ip, "", "", *spec});
    return out;
}

/// The addresses of one link, from the best source that knows them.
EndpointSet addresses_of(const LinkConfig& link, const std::map<std::string, EndpointSet>& agent,
                         const LoadedSnapshot& snapshot, std::set<std::string>& notes) {
    if (const auto known = agent.find(link.name); known != agent.end() && !known->second.empty()) return known->second;
    EndpointSet saved = addresses_on_disk(snapshot.snapshot, link);
    if (!saved.empty() && saved == addresses_from(snapshot.snapshot, link) && link.addresses.empty()) {
        notes.insert("the agent does not answer: addresses are those saved at " +
                     core::format_utc(snapshot.snapshot.written_wall_us));
    }
    return saved;
}

EndpointSet narrowed(EndpointSet known, const ProbeCommand& command) {
    if (command.addresses.empty()) return known;
    std::vector<EndpointAddress> out;
    for (const auto& ip : command.addresses) {
        const auto found = std::find_if(known.begin(), known.end(), [&](const auto& a) { return a.ip == ip; });
        out.push_back(found == known.end() ? EndpointAddress{ip, "", ""} : *found);
    }
    return make_endpoint_set(std::move(out));
}

}  // namespace

core::Result<ProbeTargets> probe_targets(const Config& config, const ProbeCommand& command) {
    const auto agent = ask_running_agent(config);
    const LoadedSnapshot snapshot = load_snapshot(paths_of(config.agent).snapshot);
    std::set<std::string> notes;
    ProbeTargets out;
    bool found = false;
    std::string names;
    for (const auto& link : config.links) {
        names += (names.empty() ? "" : ", ") + link.name;
        if (!command.link.empty() && link.name != command.link) continue;
        found = true;
        const EndpointSet addresses = narrowed(addresses_of(link, agent, snapshot, notes), command);
        if (addresses.empty()) {
            notes.insert(link.name + ": no address is known (the agent has not discovered any): give --address IP");
            continue;
        }
        const auto spec = make_spec(command, link);
        if (!spec) return fail(spec.error());
        for (const auto& a : addresses)
            out.targets.push_back({link.name, a.ip, a.zone, a.endpoint, *spec});
    }
    out.notes.assign(notes.begin(), notes.end());
    if (!found && !command.link.empty()) {
        return fail(Code::kUsage, "there is no link " + shown(command.link),
                    names.empty() ? "the configuration has none" : "there are: " + names);
    }
    if (out.targets.empty()) {
        return fail(Code::kUsage, out.notes.empty() ? "there is no link in " + command.config : out.notes.front(),
                    "see postern status, or give --host NAME --address IP");
    }
    return out;
}

core::Result<ProbeTargets> probe_targets(const ProbeCommand& command) {
    const bool bare =
        !command.host.empty() && !command.addresses.empty() && command.link.empty() && !command.config_given;
    if (bare) return from_command_line(command);
    const auto config = config_or_complain("probe", command.config);
    if (!config)
        return fail(Code::kConfigBadValue, "the configuration can't be used",
                    "without one: postern probe --host NAME --address IP");
    return probe_targets(*config, command);
}

}  // namespace postern::agent
