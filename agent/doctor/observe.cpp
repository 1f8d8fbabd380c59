// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/observe.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "agent/client/agent_client.h"
#include "agent/client/console.h"
#include "agent/client/probe_round.h"
#include "agent/client/probe_targets.h"
#include "agent/config/last_good.h"
#include "agent/config/paths.h"
#include "agent/config/token_store.h"
#include "agent/doctor/agent_status.h"
#include "agent/doctor/service_view.h"
#include "agent/hostdns/host_lookup.h"
#include "agent/hostdns/listener.h"
#include "agent/hostdns/own_address.h"
#include "agent/text/json_view.h"
#include "core/file_system.h"
#include "core/sleep.h"
#include "probe/handshake_run.h"
#include "probe/tls_contexts.h"

namespace postern::agent::doctor {

namespace {

constexpr std::size_t kMaxAgain = 16, kMaxConfig = 1 << 20;
constexpr int kStarts = 10;
constexpr core::Micros kStartPause = 300 * core::kMillisecond;
constexpr const char* kPublicName = "aliyun.com";  // only an upstream knows it

/// A second attempt, with the WebSocket, where the first one passed without: connectors use it whether or not the
/// configuration asks for it. Its own time for each half: a slow gateway is judged by the first attempt.
void ask_websockets(core::Loop& loop, probe::NetworkLauncher& launcher, std::vector<PathSeen>& paths) {
    std::vector<PathSeen*> asked;
    std::vector<probe::ProbeTarget> targets;
    for (PathSeen& path : paths) {
        const probe::ProbeSpec& spec = *path.target.spec;
        if (spec.kind != probe::Kind::kTdengine || spec.ws || !path.result.ok) continue;
        auto with_ws = std::make_shared<probe::ProbeSpec>(spec);
        with_ws->ws = true;
        with_ws->timeout_us *= 2;
        asked.push_back(&path);
        targets.push_back(path.target);
        targets.back().spec = std::move(with_ws);
    }
    auto results = probe_each(loop, launcher, targets);
    for (std::size_t i = 0; i < asked.size(); ++i)
        asked[i]->with_ws = std::move(results[i]);
}

/// A second handshake where TLS was silent, to distinguish an MTU black hole from a silent gateway.
void send_small_packets(core::Loop& loop, core::Clock& clock, std::vector<PathSeen>& paths) {
    std::vector<std::unique_ptr<probe::HandshakeRun>> running;
    std::size_t done = 0;
    for (PathSeen& path : paths) {
        if (path.result.reason != probe::Reason::kTlsTimeout || running.size() >= kMaxAgain) continue;
        const probe::HandshakeShape shape{.segment = probe::kSmallSegment};
        running.push_back(std::make_unique<probe::HandshakeRun>(
            loop, clock, path.target, shape, [&path, &done](probe::HandshakeFate fate) {
                path.small_packets_pass = fate == probe::HandshakeFate::kPassed;
                ++done;
            }));
    }
    while (done < running.size())
        loop.run_once();
}

/// Of an agent whose reply did not come.
AgentState state_of(const core::Error& error, const AgentSeen& seen) {
    if (error.sys == EADDRNOTAVAIL) return AgentState::kNoPorts;
    if (error.sys == EMFILE || error.sys == ENFILE) return AgentState::kNoFiles;
    if (error.code == core::Code::kTimeout) return AgentState::kHangs;
    if (error.sys == ECONNREFUSED) return seen.pid > 0 ? AgentState::kElsewhere : AgentState::kDown;
    return seen.pid > 0 ? AgentState::kHangs : error.sys != 0 ? AgentState::kDown : AgentState::kForeign;
}

/// Whether the file was changed after the agent had read it, and really is another than the one that it keeps a copy of.
void look_at_age(const Config& config, const HttpResponse& reply, AgentSeen& seen) {
    const auto status = JsonView::parse(reply.body, kMaxAgentReply);
    if (!status) return;
    std::error_code ignored;
    const auto same_file = [&](const std::string& path) {
        return std::filesystem::equivalent(path, config.path, ignored);
    };
    if (!same_file(status->at("config").at("path").text())) return;
    struct stat st;
    const core::Micros loaded = core::parse_utc(status->at("config").at("loaded").text());
    if (::stat(config.path.c_str(), &st) != 0 || loaded <= 0) return;
    const core::Micros changed = st.st_mtim.tv_sec * core::kSecond + st.st_mtim.tv_nsec / 1000;
    if (changed <= loaded) return;
    const auto text = core::read_file(config.path, kMaxConfig);
    seen.older = !text || !is_last_good(paths_of(config.agent).last_good_config, *text);
    seen.config = config.path;
    seen.loaded = core::format_time(loaded);
    seen.changed = core::format_time(changed);
}

}  // namespace

ConfigSeen look_at_config(const Request& request) {
    ConfigSeen seen;
    seen.file = request.target.config;
    seen.used = !request.bare();
    seen.root = ::geteuid() == 0;
    if (!seen.used) return seen;
    if (::access(request.target.config.c_str(), R_OK) != 0) {
        seen.no_right = errno == EACCES && !seen.root;
        seen.problem = std::strerror(errno);
        return seen;
    }
    auto loaded = load_config(request.target.config);
    if (!loaded) {
        seen.mistakes = loaded.error();
        return seen;
    }
    seen.config = std::move(*loaded);
    seen.warnings = seen.config->warnings;
    seen.narrowed = !request.target.addresses.empty();
    look_at_files(*seen.config, seen);
    for (LinkConfig& link : seen.config->links) {
        if (!link.token.configured()) continue;
        if (const auto token = read_token(link.token); !token) {
            core::Error error = token.error();
            error.hint = link.token.file.empty() ? "environment variable " + link.token.env : link.token.file;
            seen.tokens.emplace_back(link.name, std::move(error));
            link.token = {};  // continue without
        }
    }
    return seen;
}

AgentSeen look_at_agent(const Config& config) {
    AgentSeen seen;
    seen.listen = agent_address(config);
    auto reply = ask_agent(config, "GET", "/api/v1/status", 2 * core::kSecond);
    seen.pid = core::LockFile::holder(paths_of(config.agent).agent_lock);
    // One that is running and not there may be starting.
    for (int i = 0; i < kStarts && !reply && reply.error().sys == ECONNREFUSED && seen.pid > 0; ++i) {
        core::sleep_for(kStartPause);
        reply = ask_agent(config, "GET", "/api/v1/status", 2 * core::kSecond);
        seen.pid = core::LockFile::holder(paths_of(config.agent).agent_lock);
    }
    if (reply && reply->status == 200) {
        read_agent_status(reply->body, config, seen);
        if (seen.state == AgentState::kAnswers) look_at_age(config, *reply, seen);
    } else if (reply) {
        seen.state = AgentState::kForeign;
        seen.problem = kAnotherProgram;
    } else {
        seen.problem = reply.error().what;
        seen.state = state_of(reply.error(), seen);
    }
    if (seen.state == AgentState::kAnswers) return seen;
    if (const auto holder = port_holder(*HostSystem::real(), seen.listen)) {
        seen.holder = holder->text();
        const bool postern = holder->program == "postern";
        if (seen.state == AgentState::kHangs && !postern) seen.state = AgentState::kForeign;
        if (seen.state == AgentState::kForeign && postern) seen.state = AgentState::kHangs;
    }
    return seen;
}

std::vector<probe::ProbeTarget> look_for_targets(const Request& request, const ConfigSeen& config) {
    if (!config.config && config.used) return {};
    const auto targets = config.config ? probe_targets(*config.config, request.target) : probe_targets(request.target);
    return targets ? targets->targets : std::vector<probe::ProbeTarget>{};
}

DnsSeen look_at_dns(const std::optional<Config>& config, const std::vector<probe::ProbeTarget>& targets) {
    DnsSeen seen;
    const bool partial = !config;
    const auto look = [&](const std::string& link, const std::string& host) {
        NameSeen name{link, host, {}, {}, {}};
        for (const auto& t : targets) {
            if (t.link == link) name.known.push_back(t.ip);
        }
        std::sort(name.known.begin(), name.known.end());
        name.partial = partial;
        if (config) name.stub = ask_dns(seen.server, host, "A", 5 * core::kSecond);
        name.system = look_up_as_programs_do(host);
        seen.names.push_back(std::move(name));
    };
    if (!config) {
        if (!targets.empty()) look("", targets[0].spec->host);
        return seen;
    }
    seen.server = own_address(config->dns);
    seen.listen = config->dns.listen;
    for (const LinkConfig& link : config->links) {
        look(link.name, link.host);
        seen.names.back().verify_only = !link.answer;
        seen.names.back().narrowed = !link.zones.empty();
    }
    const bool foreign = std::any_of(seen.names.begin(), seen.names.end(), [](const NameSeen& n) {
        return n.stub && *n.stub && (*n.stub)->explanation.empty();
    });
    if (const auto holder = foreign ? port_holder(*HostSystem::real(), seen.server) : std::nullopt)
        seen.holder = holder->text();
    seen.forwarded = ask_dns(seen.server, kPublicName, "A", 5 * core::kSecond);
    if (!*seen.forwarded) seen.forwarded.reset();  // a silent server was found above
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
        send_large_hellos(loop, clock, targets, results);
        for (std::size_t i = 0; i < results.size(); ++i)
            out.push_back({targets[i], std::move(results[i]), {}, {}});
        ask_websockets(loop, launcher, out);
        send_small_packets(loop, clock, out);
    }
    loop.close();
    return out;
}

}  // namespace postern::agent::doctor
