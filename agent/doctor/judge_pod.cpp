// SPDX-License-Identifier: Apache-2.0
// The private names from a pod's point of view: which server it was given, and how far its questions go.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "agent/doctor/judge.h"
#include "agent/hostdns/resolv_conf.h"
#include "core/text.h"

namespace postern::agent::doctor {
namespace {

using probe::Reason;

constexpr core::Micros kSlowSearch = 200 * core::kMillisecond;  // within the cluster it is a few

std::vector<core::IpAddress> addresses_in(const DnsReply& reply) {
    std::vector<core::IpAddress> out;
    for (const auto& record : reply.answers) {
        if (const auto ip = core::IpAddress::parse(record.data)) out.push_back(*ip);
    }
    return out;
}

bool is_right(const PodSeen::Name& name, const std::vector<core::IpAddress>& answer) {
    const auto known = [&](const auto& ip) {
        return std::find(name.known.begin(), name.known.end(), ip) != name.known.end();
    };
    if (answer.empty() || name.known.empty()) return !answer.empty();
    return name.partial ? std::any_of(answer.begin(), answer.end(), known)
                        : std::all_of(answer.begin(), answer.end(), known);
}

/// The kubelet writes "NAMESPACE.svc.DOMAIN svc.DOMAIN DOMAIN" for dnsPolicy ClusterFirst.
bool asks_cluster(const ResolvConf& conf) {
    return std::any_of(conf.search.begin(), conf.search.end(), [](const std::string& domain) {
        return domain.starts_with("svc.") || domain.find(".svc.") != domain.npos;
    });
}

/// Who has given the wrong answer: the code with the remedy for that.
std::string_view wrong_answer(const ResolvConf& conf) {
    if (conf.servers.front().ip.is_link_local()) return "PN-K8S-NODELOCAL";
    return asks_cluster(conf) ? "PN-K8S-COREDNS" : "PN-K8S-NODE-DNS";
}

Finding name_finding(const PodSeen::Name& name, const ResolvConf& conf, Values v) {
    v["name"] = name.name;
    v["expected"] = name.known.empty() ? "-" : core::joined(name.known, [](const auto& ip) { return ip.text(); });
    if (!*name.reply) {
        v["problem"] = told_value(name.reply->error().what);
        return found(conf.servers.front().ip.is_loopback() ? "PN-K8S-LOOPBACK" : "PN-K8S-SILENT", {}, {}, std::move(v));
    }
    const auto answer = addresses_in(**name.reply);
    v["found"] = v["addresses"] =
        answer.empty() ? (*name.reply)->rcode_name : core::joined(answer, [](const auto& ip) { return ip.text(); });
    if (is_right(name, answer)) return passed(Step::kSystem, name.link, {}, std::move(v));
    return found(wrong_answer(conf), name.link, {}, std::move(v));
}

/// What the C library asks before the name itself: the search list, where the name has fewer dots than ndots. In a cluster
/// that is how it is, so it is told; it is trouble where an answer takes the name's place, or where it takes long.
std::optional<Finding> search_finding(const PodSeen::Name& name, const ResolvConf& conf) {
    core::Micros took = 0;
    bool silent = false;
    for (const auto& reply : name.searched) {
        if (!reply) {
            silent = true;
            continue;
        }
        took += reply->took_us;
        const auto answer = addresses_in(*reply);
        if (answer.empty() || is_right(name, answer)) continue;
        return found("PN-K8S-SEARCH", name.link, {},
                     {{"name", name.name},
                      {"suffix", reply->question.substr(std::min(name.name.size() + 1, reply->question.size()))},
                      {"found", core::joined(answer, [](const auto& ip) { return ip.text(); })},
                      {"expected", core::joined(name.known, [](const auto& ip) { return ip.text(); })}});
    }
    if (name.searched.empty()) return std::nullopt;
    Values v = {{"name", name.name},
                {"ndots", std::to_string(conf.ndots.value_or(1))},
                {"count", std::to_string(conf.search.size())},
                {"suffix", conf.search.front()}};
    const std::string cost = fmt::format("{:.1f} ms", static_cast<double>(took) / core::kMillisecond);
    if (silent || took > kSlowSearch) {
        v["problem"] = silent ? told_value(name.searched.back().error().what) : cost;
        return found("PN-K8S-NDOTS", name.link, {}, std::move(v));
    }
    return passed(
        Step::kResolvConf, name.link, {},
        {{"takeover", told_value(core::message("ndots:{} and {} search domains: they are asked before {}, and "
                                               "all of them have answered \"no\" within {}",
                                               v["ndots"], v["count"], name.name, cost))}});
}

bool may_be_policy(Reason reason) {
    return reason == Reason::kTcpTimeout || reason == Reason::kProhibited || reason == Reason::kNoRoute ||
           reason == Reason::kNetUnreachable || reason == Reason::kHostUnreachable;
}

/// A link none of whose addresses can be reached: in a pod that may be the pod network's own doing.
void egress(const std::vector<PathSeen>& paths, Findings& out) {
    std::vector<std::string> links;
    for (const auto& path : paths) {
        if (std::find(links.begin(), links.end(), path.target.link) == links.end()) links.push_back(path.target.link);
    }
    for (const auto& link : links) {
        std::string addresses;
        bool shut = true;
        std::uint16_t port = 0;
        for (const auto& path : paths) {
            if (path.target.link != link) continue;
            shut = shut && !path.result.ok && may_be_policy(path.result.reason);
            core::add_item(addresses, path.target.ip.text());
            port = path.target.spec->port;
        }
        if (shut)
            out.push_back(found("PN-K8S-EGRESS", link, {}, {{"addresses", addresses}, {"port", std::to_string(port)}}));
    }
}

}  // namespace

Findings judge_pod(const PodSeen& pod, const std::vector<PathSeen>& paths) {
    const ResolvConf conf = ResolvConf::parse(pod.resolv_conf);
    const std::string servers =
        conf.servers.empty() ? "-" : core::joined(conf.servers, [](const auto& server) { return server.host(); });
    const Values v = {{"servers", servers}};
    Findings out = {skipped(Step::kStub, {}, {}, kInPod), skipped(Step::kHosts, {}, {}, kInPod)};
    bool silent = false;
    for (const auto& name : pod.names) {
        if (!name.reply) continue;
        if (silent && !*name.reply) continue;  // a silent server is silent for all names
        out.push_back(name_finding(name, conf, v));
        silent = silent || !*name.reply;
    }
    if (pod.names.empty()) out.push_back(skipped(Step::kSystem));
    Findings searched;
    for (const auto& name : pod.names) {
        if (auto one = search_finding(name, conf)) searched.push_back(std::move(*one));
    }
    if (!pod.names.empty() && conf.servers.empty()) {
        out.push_back(found("PN-K8S-NO-SERVER", {}, {}, {{"name", pod.names.front().name}}));
    } else if (searched.empty()) {
        out.push_back(skipped(Step::kResolvConf, {}, {}, kInPod));
    }
    out.insert(out.end(), searched.begin(), searched.end());
    egress(paths, out);
    return out;
}

}  // namespace postern::agent::doctor
