// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/give_back.h"

#include <algorithm>
#include <filesystem>

#include "core/text.h"

namespace postern::agent {
namespace {

constexpr core::Micros kSettleTime = 3 * core::kSecond;
constexpr core::Micros kAskTimeout = 2 * core::kSecond;
constexpr std::size_t kMaxAsked = 3;  // as many as programs ask

std::string list_of(const std::vector<core::SocketAddress>& servers) {
    std::string list;
    for (const auto& server : servers)
        core::add_item(list, server.host());
    return list.empty() ? "none" : list;
}

}  // namespace

GiveBack::GiveBack(HostSystem& host, const TakeoverHooks& hooks, const Journal& journal)
    : host_(host), hooks_(hooks), ours_(host, hooks.served().listen, journal) {}

std::string GiveBack::text_of(const FileState& state) const {
    if (state.kind == FileState::Kind::kFile) return state.content;
    if (state.kind != FileState::Kind::kLink) return {};
    const auto folder = std::filesystem::path(kResolvConf).parent_path();
    return host_.read((folder / state.content).lexically_normal().string()).value_or("");
}

NamedServers GiveBack::servers_of(const FileState& state) const {
    return servers_in(text_of(state), ours_);
}

bool GiveBack::names_us_alone(const FileState& state) const {
    const auto named = servers_of(state);
    return named.ours && named.others.empty();
}

std::vector<core::SocketAddress> GiveBack::known_upstreams() const {
    auto servers = hooks_.served().upstreams;
    std::erase_if(servers, [&](const auto& server) { return server.port != 53 || ours_(server); });
    return servers;
}

FileState GiveBack::without_us(const FileState& state) const {
    const auto named = servers_of(state);
    if (!named.ours) return state;
    std::vector<core::SocketAddress> instead;
    if (named.others.empty()) {
        instead = known_upstreams();
        if (instead.empty()) return state;
    } else if (state.kind == FileState::Kind::kLink) {
        return state;
    }
    FileState out = state.kind == FileState::Kind::kFile ? state : FileState::file("");
    out.content = agent::without_us(text_of(state), ours_, instead);
    return out;
}

std::optional<FileState> GiveBack::resolv_conf(const FileState& before, const FileState& after) const {
    const auto now = host_.look(kResolvConf);
    const bool as_written = now && now->kind == after.kind && now->content == after.content;
    if (!now || as_written || now->kind == FileState::Kind::kAbsent) return without_us(before);
    if (!servers_of(*now).ours) return std::nullopt;
    const auto own = servers_of(before);
    if (before.kind == FileState::Kind::kLink && !own.others.empty()) return before;
    auto servers = own.others;
    if (servers.empty() && names_us_alone(*now)) servers = known_upstreams();
    if (servers.empty() && names_us_alone(*now)) return without_us(before);
    FileState state = now->kind == FileState::Kind::kFile ? *now : FileState::file("");
    if (before.kind == FileState::Kind::kFile && state.mode == after.mode) state.mode = before.mode;
    state.content = agent::without_us(text_of(*now), ours_, servers);
    return state;
}

/// DNS managers take a moment to follow.
bool GiveBack::names_are_found() const {
    const core::Micros deadline = hooks_.mono_us() + kSettleTime;
    for (;;) {
        if (hooks_.look_up(kPublicName, kLookupPatience).outcome != SystemLookup::Outcome::kFailed) return true;
        if (hooks_.mono_us() >= deadline) return false;
        hooks_.pause(200 * core::kMillisecond);
    }
}

/// Of the first few. An error is an answer: another server need not have a better one.
std::vector<core::SocketAddress> GiveBack::answering(std::vector<core::SocketAddress> servers) const {
    if (servers.size() > kMaxAsked) servers.resize(kMaxAsked);
    std::erase_if(servers, [&](const auto& server) { return !hooks_.ask(server, kPublicName, kAskTimeout); });
    return servers;
}

core::Result<void> GiveBack::look_up_names() {
    if (names_are_found()) return {};
    const auto now = host_.look(kResolvConf);
    if (!now) return core::fail(now.error());
    const auto named = servers_of(*now).others;
    const auto said = [&](core::Message what) {
        hooks_.say(core::message("programs of this host can't look up {}: /etc/resolv.conf names {}; {}",
                                 std::string(kPublicName), list_of(named), std::move(what)));
    };
    if (now->kind != FileState::Kind::kFile || !answering(named).empty()) {
        said("see whether the network is up");
        return {};
    }
    std::vector<core::SocketAddress> known = known_upstreams();
    std::erase_if(known,
                  [&](const auto& server) { return std::find(named.begin(), named.end(), server) != named.end(); });
    known = answering(known);
    if (known.empty()) {
        said("that does not answer, nor does any known upstream");
        return {};
    }
    said(core::message("that does not answer, so the upstreams that do are written: {}", list_of(known)));
    FileState state = *now;
    state.content = with_servers(state.content, known);
    return host_.put(kResolvConf, state);
}

}  // namespace postern::agent
