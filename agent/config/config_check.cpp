// SPDX-License-Identifier: Apache-2.0
// Checks over several keys. A default never conflicts with a key in the file: the default is adjusted instead.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "agent/config/config_keys.h"
#include "agent/text/values.h"
#include "core/any_address.h"

namespace postern::agent {

namespace {

using Issues = std::vector<ConfigIssue>;

/// The line of a key in the file, 0 if it is not there.
int line_of(const ConfigNode* table, std::string_view key) {
    const ConfigNode* node = table == nullptr ? nullptr : table->find(key);
    return node == nullptr ? 0 : node->line;
}

int first_line(int a, int b) {
    return a > 0 ? a : b;
}

void check_order(const ConfigNode* table, std::string_view section, std::string_view small_key, Micros& small,
                 std::string_view large_key, Micros& large, Issues& issues) {
    if (small <= large) return;
    const int small_line = line_of(table, small_key), large_line = line_of(table, large_key);
    if (small_line == 0) {
        small = large;
    } else if (large_line == 0) {
        large = small;
    } else {
        issues.push_back({small_line, fmt::format("{}.{}", section, small_key),
                          core::message("{} is longer than {} ({}, line {}): expected at most that",
                                        format_duration(small), large_key, format_duration(large), large_line)});
    }
}

void check_dns(const ConfigNode& root, Config& config, Issues& issues) {
    const ConfigNode* dns = root.find("dns");
    const int listen_line = line_of(dns, "listen");
    for (const auto& listen : config.dns.listen) {
        const std::string text = listen.ip.text();
        if (text == "127.0.0.53" || text == "127.0.0.54") {
            config.warnings.push_back(
                {listen_line, "dns.listen",
                 core::message("{} is systemd-resolved's own address: postern can't bind it while systemd-resolved is "
                               "running; 127.0.0.153 is free",
                               text)});
        }
        if (core::is_any(listen.ip)) {
            config.warnings.push_back(
                {listen_line, "dns.listen",
                 core::message("{} is every address of this host: name the ones that clients use", text)});
        }
        for (const auto& upstream : config.dns.upstreams) {
            if (upstream == listen) {
                issues.push_back({line_of(dns, "upstreams"), "dns.upstreams",
                                  core::message("{} is postern itself (dns.listen): queries would go round in circles",
                                                upstream.text())});
            }
        }
        if (listen == config.http.listen) {
            const ConfigNode* http = root.find("http");
            issues.push_back({first_line(line_of(http, "listen"), listen_line), "http.listen",
                              core::message("{} is taken by dns.listen: expected another port", listen.text())});
        }
    }
    for (const auto& prefix : config.dns.allow) {
        if (prefix.length == 0) {
            config.warnings.push_back(
                {line_of(dns, "allow"), "dns.allow",
                 core::message("{} lets everyone query: an open resolver is abused within hours", prefix.text())});
        }
    }
    for (const auto& prefix : config.http.allow) {
        if (prefix.length == 0) {
            config.warnings.push_back(
                {line_of(root.find("http"), "allow"), "http.allow",
                 core::message("{} lets everyone read the status: name the networks that need it", prefix.text())});
        }
    }
}

void check_sources(const ConfigNode& node, Issues& issues) {
    std::vector<std::string> written;
    int line = 0;
    for (const std::string_view key : {"endpoint", "addresses", "target", "zones_file"}) {
        if (node.find(key) == nullptr) continue;
        written.push_back(std::string(key));
        line = std::max(line, line_of(&node, key));
    }
    if (written.empty()) {
        issues.push_back({node.line, "link",
                          "has no source of addresses: expected endpoint = \"ep-…\" (asks the PrivateLink "
                          "API), addresses = [\"…\"], target = \"NAME\" or zones_file = \"/PATH\""});
    } else if (written.size() > 1) {
        core::Message list;
        for (const auto& key : written)
            list = list.empty() ? core::Message(key) : core::message("{} and {}", std::move(list), key);
        issues.push_back({line, "link." + written.back(),
                          core::message("there are {}: expected exactly one source of addresses", std::move(list))});
    }
    if (const int zones = line_of(&node, "zones");
        zones > 0 && node.find("endpoint") == nullptr && node.find("zones_file") == nullptr) {
        issues.push_back(
            {zones, "link.zones", "narrows what an endpoint gives: it needs \"endpoint\" or \"zones_file\""});
    }
}

/// Expectations must fit the kind of probe: one that is silently not checked would be worse than none.
void check_kind(const ConfigNode* probe, LinkConfig& link, Config& config, int link_line, Issues& issues) {
    using probe::Kind;
    LinkProbeConfig& p = link.probe;
    const std::string kind(to_string(p.kind));
    const auto belongs = [&](std::string_view key, bool fits, std::string_view to) {
        const int line = line_of(probe, key);
        if (line > 0 && !fits)
            issues.push_back({line, fmt::format("link.probe.{}", key),
                              core::message("belongs to kind {}, and this is kind \"{}\": leave it out", to, kind)});
    };
    for (const std::string_view key : {"sql", "ws"})
        belongs(key, p.kind == Kind::kTdengine, "\"tdengine\"");
    for (const std::string_view key : {"status", "body_contains", "json"})
        belongs(key, p.kind == Kind::kHttps, "\"https\"");
    // A statement, a token or a format in the query would change what is asked; the time zone does not.
    const auto query = p.path.find('?');
    const std::string_view asked = query == std::string::npos ? "" : std::string_view(p.path).substr(query + 1);
    const bool zone = (asked.starts_with("tz=") || asked.starts_with("conn_tz=")) && asked.find('&') == asked.npos;
    if (p.kind == Kind::kTdengine && query != std::string::npos && !zone) {
        issues.push_back({line_of(probe, "path"), "link.probe.path",
                          "has a query: kind \"tdengine\" takes tz=ZONE alone, as in \"/rest/sql?tz=Asia/Shanghai\""});
    }
    if (p.kind == Kind::kHttps && line_of(probe, "path") == 0)
        p.path = std::string("/");  // from a string: g++ 12 warns about the literal (GCC bug 105651)
    if (p.kind != Kind::kTdengine && link.token.configured()) {
        config.warnings.push_back(
            {link_line, "link",
             core::message("\"{}\" has a token, which only kind \"tdengine\" sends: kind \"{}\" never does", link.name,
                           kind)});
    }
}

void check_probe(const ConfigNode& node, Config& config, LinkConfig& link, int plan_ttl_line, Issues& issues) {
    const ConfigNode* probe = node.find("probe");
    LinkProbeConfig& p = link.probe;
    check_kind(probe, link, config, node.line, issues);
    check_order(probe, "link.probe", "connect_timeout", p.connect_timeout_us, "timeout", p.timeout_us, issues);
    check_order(probe, "link.probe", "fast_interval", p.fast_interval_us, "interval", p.interval_us, issues);
    if (const int line = line_of(probe, "degraded_over"); line > 0 && p.degraded_over_us > p.timeout_us) {
        config.warnings.push_back(
            {line, "link.probe.degraded_over",
             core::message("is never reached: the probe ends at timeout ({})", format_duration(p.timeout_us))});
    }
    if (p.enabled && 2 * p.interval_us > config.dns.plan_ttl_us) {
        issues.push_back(
            {first_line(line_of(probe, "interval"), plan_ttl_line), "link.probe.interval",
             core::message("{} is too long for dns.plan_ttl ({}): a verdict would be forgotten before the next one; "
                           "expected plan_ttl of at least {}",
                           format_duration(p.interval_us), format_duration(config.dns.plan_ttl_us),
                           format_duration(2 * p.interval_us))});
    }
    if (p.enabled && !link.asks_service()) {
        config.warnings.push_back(
            {node.line, "link",
             core::message("\"{}\" has no token_file: the probe ends after the gateway's reply and can't say "
                           "whether the database answers",
                           link.name),
             ConfigIssue::Kind::kNoToken});
    }
}

/// Comparing sends traffic outside the private network: never by default, and always reported.
void check_compare(const ConfigNode& node, Config& config, const LinkConfig& link, Issues& issues) {
    const int line = line_of(&node, "compare");
    if (const int interval = line_of(&node, "compare_interval"); interval > 0 && node.find("compare") == nullptr) {
        issues.push_back({interval, "link.compare_interval", "is the pace of comparing: it needs \"compare\""});
    }
    if (link.compare.empty()) return;
    const auto hosts = config.hosts();
    if (std::find(hosts.begin(), hosts.end(), link.compare) != hosts.end()) {
        issues.push_back({line, "link.compare",
                          core::message("{} is a private name of this file: give the public gateway's", link.compare)});
        return;
    }
    if (!link.probe.enabled) {
        config.warnings.push_back({line, "link.compare", "has nothing to compare with: [link.probe] enabled is false"});
        return;
    }
    config.notes.push_back(
        {line, "link.compare",
         core::message(
             "one request every {} (and when no private address works any more, at most one a "
             "minute) goes to {} over the public internet{}",
             format_duration(link.compare_interval_us), link.compare,
             link.probe.kind == probe::Kind::kTdengine && link.token.configured() ? ", with this link's token" : "")});
}

void check_fleet(const ConfigNode* node, const FleetConfig& fleet, Issues& issues) {
    if (node == nullptr) return;
    const int url = line_of(node, "list_url"), only = line_of(node, "fleet_only");
    if (url > 0 && line_of(node, "list_keys") == 0) {
        issues.push_back({url, "fleet.list_url",
                          "needs list_keys: who may write the bucket must not steer this host's DNS; postern publish "
                          "keygen makes a key"});
    }
    if (fleet.fleet_only && url == 0)
        issues.push_back({only, "fleet.fleet_only", "needs list_url: there is no list that could have the addresses"});
    if (fleet.report && fleet.report_url.empty() && (url == 0 || fleet.list_url.find('?') != std::string::npos))
        issues.push_back({line_of(node, "report"), "fleet.report",
                          "needs report_url: there is no list, or only a presigned one, to put the reports beside"});
}

void check_link(const ConfigNode& node, Config& config, LinkConfig& link, int plan_ttl_line, Issues& issues) {
    if (node.find("name") == nullptr) {
        issues.push_back({node.line, "link.name",
                          "is missing: expected a short name for logs and commands, such as \"tdengine-prod\""});
    }
    if (node.find("host") == nullptr) {
        issues.push_back(
            {node.line, "link.host", "is missing: expected the private DNS name, copied from the console"});
    }
    check_sources(node, issues);
    if (const int file = line_of(&node, "token_file"), env = line_of(&node, "token_env"); file > 0 && env > 0) {
        issues.push_back({std::max(file, env), file > env ? "link.token_file" : "link.token_env",
                          "there are token_file and token_env: expected one of them"});
    }
    if (!config.aliyun.region.empty()) {
        for (const auto& zone : link.zones) {
            if (zone.starts_with(config.aliyun.region)) continue;
            config.warnings.push_back({line_of(&node, "zones"), "link.zones",
                                       core::message("{} is not a zone of the region {}", zone, config.aliyun.region)});
        }
    }
    if (!link.answer) {
        config.notes.push_back(
            {line_of(&node, "answer"), "link.answer",
             core::message("\"{}\" is verify only: the upstreams answer {}; its addresses are probed "
                           "and compared with that answer",
                           link.name, link.host)});
    }
    if (link.free_stuck && !(link.answer && link.probe.enabled)) {
        issues.push_back({line_of(&node, "free_stuck"), "link.free_stuck",
                          core::message("follows from probes that take an address out of the answer: it needs {}",
                                        std::string(link.answer ? "[link.probe] enabled = true" : "answer = true"))});
    }
    check_probe(node, config, link, plan_ttl_line, issues);
    check_compare(node, config, link, issues);
}

void check_duplicates(const ConfigNode& links, const Config& config, std::string_view key,
                      std::string LinkConfig::*member, const core::Message& why, Issues& issues) {
    std::map<std::string, int> first;
    for (std::size_t i = 0; i < config.links.size(); ++i) {
        const std::string& value = config.links[i].*member;
        if (value.empty()) continue;
        const int line = first_line(line_of(&links.items[i], key), links.items[i].line);
        const auto [at, fresh] = first.emplace(value, line);
        if (!fresh) {
            issues.push_back({line, fmt::format("link.{}", key),
                              core::message("{} is there already, on line {}: {}", shown(value), at->second, why)});
        }
    }
}

}  // namespace

void check_relations(const ConfigNode& root, Config& config, std::vector<ConfigIssue>& issues) {
    const ConfigNode* agent = root.find("agent");
    if (config.agent.state_dir == config.agent.runtime_dir) {
        issues.push_back({first_line(line_of(agent, "runtime_dir"), line_of(agent, "state_dir")), "agent.runtime_dir",
                          "is the same folder as state_dir: expected two, each holds a file named plan"});
    }
    const ConfigNode* aliyun = root.find("aliyun");
    check_order(aliyun, "aliyun", "poll_interval", config.aliyun.poll_interval_us, "poll_max_interval",
                config.aliyun.poll_max_interval_us, issues);
    check_dns(root, config, issues);
    check_fleet(root.find("fleet"), config.fleet, issues);
    const ConfigNode* links = root.find("link");
    if (links == nullptr || (links->type == ConfigNode::Type::kList && links->items.empty())) {
        config.warnings.push_back({0, "link",
                                   "there is no [[link]]: postern only forwards; add one for each private DNS name",
                                   ConfigIssue::Kind::kNoLink});
        return;
    }
    if (links->type != ConfigNode::Type::kList || links->items.size() != config.links.size()) return;
    const int plan_ttl_line = line_of(root.find("dns"), "plan_ttl");
    for (std::size_t i = 0; i < links->items.size(); ++i) {
        if (links->items[i].type == ConfigNode::Type::kTable) {
            check_link(links->items[i], config, config.links[i], plan_ttl_line, issues);
        }
    }
    check_duplicates(*links, config, "name", &LinkConfig::name, "links are told apart by it", issues);
    check_duplicates(*links, config, "host", &LinkConfig::host,
                     "a name has one set of addresses; several endpoints go into one link as a list", issues);
}

}  // namespace postern::agent
