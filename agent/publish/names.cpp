// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/names.h"

#include <algorithm>

#include "agent/discovery/source_key.h"
#include "agent/text/values.h"
#include "core/text.h"

namespace postern::agent::publish {

std::vector<std::string> keys_of(const std::vector<const LinkConfig*>& links) {
    std::vector<std::string> out;
    for (const LinkConfig* link : links) {
        for (const auto& key : source_keys(*link)) {
            if (std::find(out.begin(), out.end(), key) == out.end()) out.push_back(key);
        }
    }
    return out;
}

core::Result<EndpointSet> addresses_of(const LinkConfig& link, const SourceRound::Answers& answers) {
    std::vector<EndpointAddress> found;
    for (const auto& ip : link.addresses)
        found.push_back({ip, "", ""});
    std::vector<const EndpointReport*> reports;
    for (const auto& key : source_keys(link)) {
        const auto at = answers.find(key);
        if (at == answers.end()) return core::fail(core::Code::kInternal, core::message("{} was not asked", key));
        if (!at->second) return core::fail(at->second.error());
        reports.push_back(&*at->second);
        const EndpointSet ready = ready_addresses(*at->second, link.zones);
        found.insert(found.end(), ready.begin(), ready.end());
    }
    if (found.empty())
        return core::fail(core::Code::kApiRejected, "no address is ready", why_none_ready(reports, link.zones));
    return make_endpoint_set(std::move(found));
}

core::Result<std::vector<NameNow>> ask_names(const Config& config, const std::string& link,
                                             const std::vector<core::SocketAddress>& upstreams,
                                             const std::function<bool()>& interrupted) {
    std::vector<const LinkConfig*> links;
    for (const auto& one : config.links) {
        if (link.empty() || one.name == link) links.push_back(&one);
    }
    if (links.empty()) {
        const std::string names = core::joined(config.links, [](const LinkConfig& l) { return l.name; });
        core::Message next =
            names.empty() ? "a [[link]] names what is published" : core::message("there are: {}", names);
        if (link.empty()) return core::fail(core::Code::kUsage, "the configuration has no link", std::move(next));
        return core::fail(core::Code::kUsage, core::message("there is no link {}", shown(link)), std::move(next));
    }
    const auto keys = keys_of(links);
    SourceRound::Answers answers;
    if (!keys.empty()) answers = SourceRound(config.aliyun, upstreams).ask(keys, interrupted);
    if (interrupted()) return core::fail(core::Code::kCancelled, "interrupted");
    std::vector<NameNow> out;
    for (const LinkConfig* one : links)
        out.push_back({one, addresses_of(*one, answers)});
    return out;
}

}  // namespace postern::agent::publish
