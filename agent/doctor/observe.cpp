#include "agent/doctor/observe.h"

#include <net/if.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>

#include "agent/commands/common.h"
#include "agent/commands/probe_round.h"
#include "agent/commands/probe_targets.h"
#include "agent/hostdns/host_lookup.h"
#include "agent/token_store.h"
#include "probe/tls_contexts.h"

namespace postern::agent::doctor {

namespace {

using Json = nlohmann::json;

constexpr const char* kPublicName = "aliyun.com";  // what only an upstream knows

ProbeCommand as_probe(const DoctorCommand& command) {
    ProbeCommand out;
    out.config = command.config;
    out.host = command.host;
    out.addresses = command.addresses;
    out.token_file = command.token_file;
    out.ca_file = command.ca_file;
    out.port = command.port;
    return out;
}

std::string text_at(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// What doctor looks at by itself is not said twice.
bool is_news(const std::string& warning) {
    return !warning.starts_with("host DNS:") && !warning.starts_with("/etc/hosts");
}

/// The first listen address; this host's own for "every address".
core::SocketAddress server_of(const Config& config) {
    core::SocketAddress address = config.dns.listen.front();
    if (address.ip == core::IpAddress{}) address.ip = core::IpAddress::v4(0x7f000001);
    if (address.ip == core::IpAddress::v6({})) address.ip = *core::IpAddress::parse("::1");
    return address;
}

}  // namespace

ConfigSeen look_at_config(const DoctorCommand& command) {
    ConfigSeen seen;
    seen.file = command.config;
    seen.used = !command.bare();
    if (!seen.used) return seen;
    if (::access(command.config.c_str(), R_OK) != 0) {
        seen.problem = std::strerror(errno);
        return seen;
    }
    auto loaded = load_config(command.config);
    if (!loaded) {
        seen.mistakes = loaded.error();
        return seen;
    }
    seen.config = std::move(*loaded);
    seen.warnings = seen.config->warnings;
    for (LinkConfig& link : seen.config->links) {
        if (!link.token.configured()) continue;
        if (const auto token = read_token(link.token); !token) {
            core::Error error = token.error();
            error.hint = link.token.file;
            seen.tokens.emplace_back(link.name, std::move(error));
            link.token = {};  // go on without
        }
    }
    return seen;
}

AgentSeen look_at_agent(const Config& config) {
    AgentSeen seen;
    seen.listen = agent_address(config);
    const auto reply = ask_agent(config, "GET", "/api/v1/status", 2 * core::kSecond);
    if (!reply) {
        seen.problem = reply.error().what;
        return seen;
    }
    const Json status = Json::parse(reply->body, nullptr, false);
    if (reply->status != 200 || !status.is_object() || !status.contains("resolver") || !status["resolver"].is_object()) {
        seen.problem = "another program answers there";
        return seen;
    }
    seen.version = text_at(status, "version");
    const Json& resolver = status["resolver"];
    seen.resolver_problem = text_at(resolver, "problem");
    if (status.contains("warnings") && status["warnings"].is_array()) {
        for (const Json& warning : status["warnings"]) {
            if (warning.is_string() && is_news(warning)) seen.warnings.push_back(warning);
        }
    }
    return seen;
}

std::vector<probe::ProbeTarget> look_for_targets(const DoctorCommand& command, const ConfigSeen& config) {
    const ProbeCommand probe = as_probe(command);
    const auto targets = config.config ? probe_targets(*config.config, probe) : probe_targets(probe);
    return targets ? targets->targets : std::vector<probe::ProbeTarget>{};
}

DnsSeen look_at_dns(const Config& config, const std::vector<probe::ProbeTarget>& targets) {
    DnsSeen seen;
    seen.server = server_of(config);
    for (const LinkConfig& link : config.links) {
        NameSeen name{link.name, link.host, {}, {}, {}};
        for (const auto& t : targets) {
            if (t.link == link.name) name.known.push_back(t.ip);
        }
        std::sort(name.known.begin(), name.known.end());
        name.stub = ask_dns(seen.server, link.host, "A", 5 * core::kSecond);
        name.system = look_up_as_programs_do(link.host);
        seen.names.push_back(std::move(name));
    }
    seen.forwarded = ask_dns(seen.server, kPublicName, "A", 5 * core::kSecond);
    if (!*seen.forwarded) seen.forwarded.reset();  // a silent server was found above
    return seen;
}

HostSeen look_at_host(const Config& config) {
    HostSeen seen;
    const auto host = HostSystem::real();
    seen.report = report_host_dns(*host, JournalFile(paths_of(config.agent).hostdns).load(), config.hosts());
    seen.resolv_conf = host->read("/etc/resolv.conf").value_or("");
    seen.nsswitch = host->read("/etc/nsswitch.conf").value_or("");
    seen.nscd = host->process_runs("nscd");
    seen.interfaces = host->list("/sys/class/net");
    for (const char* name : {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"}) {
        if (const char* value = std::getenv(name)) seen.environment.emplace_back(name, value);
    }
    return seen;
}

std::vector<PathSeen> look_at_paths(const std::vector<probe::ProbeTarget>& targets) {
    std::vector<PathSeen> out;
    core::Loop loop;
    {
        core::SystemClock clock(loop);
        probe::TlsContexts contexts(loop);
        probe::NetworkLauncher launcher(loop, clock, contexts);
        auto results = probe_each(loop, launcher, targets);
        for (std::size_t i = 0; i < results.size(); ++i)
            out.push_back({targets[i], std::move(results[i])});
    }
    loop.close();
    return out;
}

}  // namespace postern::agent::doctor
