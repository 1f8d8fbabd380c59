// SPDX-License-Identifier: Apache-2.0
#include "agent/config/config_keys.h"

#include <algorithm>

#include "agent/config/config_readers.h"
#include "agent/text/values.h"
#include "core/printable.h"
#include "core/text.h"

namespace postern::agent {

using core::kDay;
using core::kHour;
using core::kMillisecond;
using core::kMinute;
using core::kSecond;

namespace {

using Type = ConfigNode::Type;
constexpr std::size_t kMaxSources = 64, kMaxListKeys = 8;
constexpr std::size_t kMaxExpectations = 16;  // for one reply

core::Message take_endpoint(const std::string& text, std::string& out) {
    out = text;
    return check_endpoint_id(text);
}

core::Message take_zone(const std::string& text, std::string& out) {
    out = text;
    return check_zone(text);
}

core::Message take_allowed_host(const std::string& text, std::string& out) {
    out = core::lowered(text);
    if (core::IpAddress::parse(text)) return "";
    const bool fine = !text.empty() && text.size() <= 253 && text.find_first_of("/@?*[]: \t") == std::string::npos;
    return fine ? "" : "is not a host name: give it as in the URL, without scheme and port";
}

core::Message take_host(const std::string& text, std::string& out) {
    auto host = normalise_host(text);
    if (!host) return host.error();
    out = std::move(*host);
    return "";
}

core::Message read_host(const ConfigNode& node, std::string& out) {
    if (node.type != Type::kString) return expected("a host name in quotes", node);
    return take_host(node.text, out);
}

/// One name, or a list of them.
core::Message read_targets(const ConfigNode& node, std::vector<std::string>& out) {
    if (node.type == Type::kList) return read_list(node, "host names", 1, kMaxSources, take_host, out);
    if (node.type != Type::kString) return expected("a host name in quotes, or a list of them", node);
    std::string name;
    core::Message problem = take_host(node.text, name);
    if (problem.empty()) out = {std::move(name)};
    return problem;
}

/// "gw.example.com", or with a port: "gw.example.com:8443".
core::Message read_gateway(const ConfigNode& node, std::string& host, std::uint16_t& port) {
    if (node.type != Type::kString) return expected("a host name in quotes", node);
    const auto colon = node.text.rfind(':');
    const std::string_view digits =
        colon == std::string::npos ? std::string_view{} : std::string_view(node.text).substr(colon + 1);
    const bool has_port = !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
    const auto number = !has_port ? 443 : digits.size() <= 5 ? std::stoul(std::string(digits)) : 0;
    if (number == 0 || number > 65535) return wrong_value(node.text, "has a port that is none: 1 to 65535");
    auto name = normalise_host(has_port ? node.text.substr(0, colon) : node.text);
    if (!name) return name.error();
    host = std::move(*name);
    port = static_cast<std::uint16_t>(number);
    return "";
}

core::Message check_service_name(const std::string& text) {
    if (text.starts_with("epsrv-"))
        return "is a service's ID: give its name, \"com.aliyuncs.privatelink.REGION.\" before that";
    const bool name = text.starts_with("com.aliyuncs.privatelink.") && text.size() <= 200 &&
                      text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.") == std::string::npos;
    return name
               ? ""
               : "is not the name of an endpoint service: expected \"com.aliyuncs.privatelink.…\", as the service list shows it";
}

core::Message check_vpc_id(const std::string& text) {
    const bool id = text.starts_with("vpc-") && text.size() > 4 && text.size() <= 64 &&
                    text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
    return id ? "" : "is not the ID of a VPC: expected \"vpc-…\"";
}

/// { env = "prod", … }: tags that the API accepts.
core::Message read_tags(const ConfigNode& node, std::vector<std::pair<std::string, std::string>>& out) {
    if (node.type != Type::kTable || node.entries.empty() || node.entries.size() > 20)
        return expected("1 to 20 tags such as { env = \"prod\" }", node);
    for (const auto& [name, value] : node.entries) {
        if (name.empty() || name.size() > 64 || name.starts_with("aliyun") || name.starts_with("acs:"))
            return core::message(
                "{} is not an endpoint tag: keys have 1 to 64 bytes and begin neither with aliyun nor with acs:",
                shown(name));
        if (value.type != Type::kString || value.text.size() > 128)
            return expected("a tag's value in quotes, at most 128 bytes", value);
        out.emplace_back(name, value.text);
    }
    return "";
}

/// { service = "…", tag = { … }, vpc = "vpc-…" }
core::Message read_endpoint_query(const ConfigNode& node, EndpointQuery& out) {
    EndpointQuery query;
    for (const auto& [name, value] : node.entries) {
        core::Message problem;
        if (name == "service") {
            problem = read_string(value, "a service name in quotes", check_service_name, query.service);
        } else if (name == "tag") {
            problem = read_tags(value, query.tags);
        } else if (name == "vpc") {
            problem = read_string(value, "a VPC's ID in quotes", check_vpc_id, query.vpc);
        } else {
            problem = "unknown key: expected service, tag or vpc";
        }
        if (!problem.empty()) return core::message("{}: {}", shown(name), std::move(problem));
    }
    if (!query.configured())
        return "has nothing to search for: expected { service = \"com.aliyuncs.privatelink.…\" } or { tag = { env = \"prod\" } }";
    out = std::move(query);
    return "";
}

core::Message read_endpoint(const ConfigNode& node, LinkConfig& link) {
    if (node.type == Type::kList) return read_list(node, "endpoint IDs", 1, kMaxSources, take_endpoint, link.endpoints);
    if (node.type == Type::kTable) return read_endpoint_query(node, link.find);
    std::string id;
    core::Message problem = read_string(
        node, "an endpoint ID such as \"ep-bp1…\", a list of them, or { service = \"…\" }", check_endpoint_id, id);
    if (problem.empty()) link.endpoints = {std::move(id)};
    return problem;
}

core::Message read_upstreams(const ConfigNode& node, std::vector<core::SocketAddress>& out) {
    if (node.type == Type::kList) return read_sockets(node, 53, out);
    if (node.type != Type::kString || node.text != "auto") {
        return expected("\"auto\" or a list of addresses such as [\"100.100.2.136\"]", node);
    }
    out.clear();
    return "";
}

core::Message read_http_listen(const ConfigNode& node, core::SocketAddress& out) {
    core::SocketAddress address;
    std::string text;
    const auto check = [&address](const std::string& t) -> core::Message {
        const auto given = core::SocketAddress::parse(t, 0);
        if (given && given->port == 0 && t.find(":0") == std::string::npos)
            return "has no port: expected one like \"127.0.0.1:9853\"";
        return parse_socket(t, 9853, address);
    };
    core::Message problem = read_string(node, "an address with a port, such as \"127.0.0.1:9853\"", check, text);
    if (problem.empty()) out = address;
    return problem;
}

core::Message check_url_path(const std::string& text) {
    if (text.empty() || text[0] != '/') return "is not a path: it begins with \"/\"";
    if (text.size() > 512) return "is longer than 512 bytes";
    if (text.find('#') != std::string::npos) return "has a fragment, which is not sent to servers";
    if (text.find("token=") != std::string::npos) return "has a token: postern adds it, from token_file";
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
    return plain ? "" : "has blanks, control or non-ASCII characters: percent-encode them";
}

core::Message check_sql(const std::string& text) {
    if (text.find_first_not_of(" \t") == std::string::npos) return "is empty";
    if (text.size() > 4096) return "is longer than 4096 bytes";
    const bool clean =
        std::none_of(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r' || c == '\0'; });
    return clean ? "" : "has more than one line: give one statement on one line";
}

core::Message check_env_name(const std::string& text) {
    if (looks_like_secret(text) && text.find('_') == std::string::npos) {
        return "looks like the token itself: give the name of the environment variable that holds it";
    }
    const auto word = [](char c) {
        return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    };
    const bool name = !text.empty() && text.size() <= 128 && !(text[0] >= '0' && text[0] <= '9') &&
                      std::all_of(text.begin(), text.end(), word);
    return name ? "" : "is not the name of an environment variable";
}

core::Message check_api_url(const std::string& text) {
    return check_base_url(text, true);
}
core::Message check_metadata_url(const std::string& text) {
    return check_base_url(text, false);
}

core::Message read_kind(const ConfigNode& node, probe::Kind& out) {
    return read_word<probe::Kind>(
        node, {{"tdengine", probe::Kind::kTdengine}, {"https", probe::Kind::kHttps}, {"tcp", probe::Kind::kTcp}}, out);
}

core::Message read_statuses(const ConfigNode& node, std::vector<int>& out) {
    if (node.type != Type::kList) return expected("a list of HTTP status codes such as [200, 204]", node);
    if (node.items.empty() || node.items.size() > kMaxExpectations)
        return core::message("has {} items: expected 1 to {} status codes", node.items.size(), kMaxExpectations);
    std::vector<int> statuses;
    for (const ConfigNode& item : node.items) {
        if (core::Message problem = read_int(item, 200, 599, statuses.emplace_back()); !problem.empty()) return problem;
    }
    out = std::move(statuses);
    return "";
}

core::Message check_body_text(const std::string& text) {
    if (text.empty()) return "is empty: every body contains it";
    return text.size() > 1024 ? "is longer than 1024 bytes" : "";
}

/// RFC 6901; "" would be the whole document, which is not a single value.
core::Message check_json_pointer(const std::string& pointer) {
    if (pointer.empty() || pointer.front() != '/')
        return "is not a JSON pointer: it begins with \"/\", as in \"/status\"";
    for (auto at = pointer.find('~'); at != std::string::npos; at = pointer.find('~', at + 1)) {
        const char next = at + 1 < pointer.size() ? pointer[at + 1] : '\0';
        if (next != '0' && next != '1') return "is not a JSON pointer: \"~\" is written ~0, and \"/\" in a name ~1";
    }
    return pointer.size() > 256 ? "is longer than 256 bytes" : "";
}

/// {"/status" = "ok", "/ready" = true}: the expected value at a place in the reply, as text.
core::Message read_body_json(const ConfigNode& node, std::vector<std::pair<std::string, std::string>>& out) {
    if (node.type != Type::kTable) return expected("a table such as {\"/status\" = \"ok\"}", node);
    if (node.entries.empty() || node.entries.size() > kMaxExpectations)
        return core::message("has {} entries: expected 1 to {}", node.entries.size(), kMaxExpectations);
    std::vector<std::pair<std::string, std::string>> values;
    for (const auto& [pointer, value] : node.entries) {
        if (core::Message problem = check_json_pointer(pointer); !problem.empty())
            return wrong_value(pointer, std::move(problem));
        const bool plain = value.type == Type::kString || value.type == Type::kInteger || value.type == Type::kBoolean;
        if (!plain)
            return core::message("{}: {}", core::printable(pointer),
                                 expected("a text, a whole number, true or false", value));
        if (value.text.size() > 1024)
            return core::message("{}: has a value longer than 1024 bytes", core::printable(pointer));
        values.emplace_back(pointer, value.type == Type::kString ? value.text : value.describe().text());
    }
    out = std::move(values);
    return "";
}

// An expression over the node n and the target t, as a reader.
#define READ(...) [](const ConfigNode& n, ConfigTarget& t) -> core::Message { return __VA_ARGS__; }

constexpr auto kAgent = Section::kAgent;
constexpr auto kDns = Section::kDns;
constexpr auto kHttp = Section::kHttp;
constexpr auto kAliyun = Section::kAliyun;
constexpr auto kFleet = Section::kFleet;
constexpr auto kLink = Section::kLink;
constexpr auto kProbe = Section::kProbe;

// section, key, reader, a valid value, an invalid value
const KeyRow kKeys[] = {
    {kAgent, "state_dir", READ(read_path(n, t.config.agent.state_dir)), R"("/var/lib/x")", R"("var/lib")"},
    {kAgent, "runtime_dir", READ(read_path(n, t.config.agent.runtime_dir)), R"("/run/x")", R"("/run/../x")"},
    {kAgent, "log_level",
     READ(read_word<core::Level>(n,
                                 {{"debug", core::Level::kDebug},
                                  {"info", core::Level::kInfo},
                                  {"warning", core::Level::kWarning},
                                  {"error", core::Level::kError}},
                                 t.config.agent.log_level)),
     R"("debug")", R"("loud")"},
    {kAgent, "log_format",
     READ(read_word<core::LogFormat>(n, {{"text", core::LogFormat::kText}, {"json", core::LogFormat::kJson}},
                                     t.config.agent.log_format)),
     R"("json")", R"("xml")"},
    {kAgent, "log_successes", READ(read_boolean(n, t.config.agent.log_successes)), "true", R"("all")"},

    {kDns, "listen", READ(read_sockets(n, 53, t.config.dns.listen)), R"(["127.0.0.153:53"])", R"(["127.0.0.1:0"])"},
    {kDns, "upstreams", READ(read_upstreams(n, t.config.dns.upstreams)), R"(["10.0.0.2"])", R"("dns.example")"},
    {kDns, "allow", READ(read_prefixes(n, t.config.dns.allow)), R"(["127.0.0.0/8"])", R"(["127.0.0.1/8"])"},
    {kDns, "ttl", READ(read_duration(n, kSecond, kHour, t.config.dns.ttl_us)), R"("5s")", "10"},
    {kDns, "cache_size", READ(read_size(n, 256u << 10, 4ull << 30, t.config.dns.cache_bytes)), R"("8MiB")",
     R"("8 MB")"},
    {kDns, "serve_stale", READ(read_duration(n, 0, 7 * kDay, t.config.dns.serve_stale_us)), R"("0s")", R"("30d")"},
    {kDns, "plan_ttl", READ(read_duration(n, 30 * kSecond, kDay, t.config.dns.plan_ttl_us)), R"("10m")", R"("1s")"},
    {kDns, "query_log_sample", READ(read_int(n, 0, 1000000, t.config.dns.query_log_sample)), "100", "-1"},
    {kDns, "forward_test", READ(read_boolean(n, t.config.dns.forward_test)), "false", R"("no")"},
    {kDns, "trust_ad", READ(read_boolean(n, t.config.dns.trust_ad)), "true", R"("yes")"},
    {kDns, "second_nameserver", READ(read_boolean(n, t.config.dns.second_nameserver)), "true", R"("yes")"},

    {kHttp, "listen", READ(read_http_listen(n, t.config.http.listen)), R"("127.0.0.1:9853")", R"("localhost:9853")"},
    {kHttp, "allow", READ(read_prefixes(n, t.config.http.allow)), R"(["10.0.0.0/8"])", R"(["everyone"])"},
    {kHttp, "allow_hosts",
     READ(read_list(n, "host names", 0, kMaxSources, take_allowed_host, t.config.http.allow_hosts)), R"(["db1"])",
     R"(["http://db1"])"},

    {kAliyun, "region", READ(read_string(n, "a region ID in quotes", check_region, t.config.aliyun.region)),
     R"("cn-hangzhou")", R"("Hangzhou")"},
    {kAliyun, "poll_interval", READ(read_duration(n, kSecond, kHour, t.config.aliyun.poll_interval_us)), R"("30s")",
     R"("100ms")"},
    {kAliyun, "poll_max_interval", READ(read_duration(n, kSecond, kDay, t.config.aliyun.poll_max_interval_us)),
     R"("10m")", "true"},
    {kAliyun, "api_endpoint", READ(read_string(n, "a URL in quotes", check_api_url, t.config.aliyun.api_endpoint)),
     R"("https://privatelink.example.com")", R"("http://privatelink.example.com")"},
    {kAliyun, "metadata_url", READ(read_string(n, "a URL in quotes", check_metadata_url, t.config.aliyun.metadata_url)),
     R"("http://100.100.100.200")", R"("100.100.100.200")"},
    {kAliyun, "ca_file", READ(read_path(n, t.config.aliyun.ca_file)), R"("/etc/ssl/api.pem")", R"("api.pem")"},

    {kFleet, "list_url", READ(read_string(n, "the place of a list in quotes", check_list_url, t.config.fleet.list_url)),
     R"("oss://fleet/prod/current.json")", R"("oss://fleet")"},
    {kFleet, "list_keys", READ(read_list(n, "public keys", 1, kMaxListKeys, take_list_key, t.config.fleet.list_keys)),
     R"(["ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="])", R"(["ed25519:AAAA"])"},
    {kFleet, "name", READ(read_string(n, "a name in quotes", check_link_name, t.config.fleet.name)), R"("prod")",
     R"("my fleet")"},
    {kFleet, "poll_interval", READ(read_duration(n, kSecond, kHour, t.config.fleet.poll_interval_us)), R"("30s")",
     R"("100ms")"},
    {kFleet, "fleet_only", READ(read_boolean(n, t.config.fleet.fleet_only)), "true", R"("yes")"},
    {kFleet, "endpoint", READ(read_string(n, "a URL in quotes", check_api_url, t.config.fleet.endpoint)),
     R"("https://oss-cn-hangzhou.aliyuncs.com")", R"("http://oss-cn-hangzhou.aliyuncs.com")"},
    {kFleet, "region", READ(read_string(n, "a region ID in quotes", check_region, t.config.fleet.region)),
     R"("cn-hangzhou")", R"("Hangzhou")"},
    {kFleet, "ca_file", READ(read_path(n, t.config.fleet.ca_file)), R"("/etc/ssl/store.pem")", R"("store.pem")"},
    {kFleet, "access", READ(read_word<bool>(n, {{"signed", false}, {"anonymous", true}}, t.config.fleet.anonymous)),
     R"("anonymous")", R"("public")"},
    {kFleet, "report", READ(read_boolean(n, t.config.fleet.report)), "true", R"("yes")"},
    {kFleet, "report_url",
     READ(read_string(n, "a folder of reports in quotes", check_report_url, t.config.fleet.report_url)),
     R"("oss://fleet/prod/reports/")", R"("oss:fleet")"},
    {kFleet, "report_interval", READ(read_duration(n, kSecond, kHour, t.config.fleet.report_interval_us)), R"("10m")",
     R"("2h")"},

    {kLink, "name", READ(read_string(n, "a name in quotes", check_link_name, t.link->name)), R"("db")", R"("my db")"},
    {kLink, "host", READ(read_host(n, t.link->host)), R"("DB.Example.com.")", R"("https://db.example.com/rest/sql")"},
    {kLink, "endpoint", READ(read_endpoint(n, *t.link)), R"(["ep-bp1a", "ep-bp1b"])", R"("epsrv-bp1a")"},
    {kLink, "addresses", READ(read_list(n, "addresses", 1, kMaxSources, parse_host_address, t.link->addresses)),
     R"(["10.0.1.23"])", R"(["10.0.1.300"])"},
    {kLink, "zones", READ(read_list(n, "zone IDs", 1, kMaxSources, take_zone, t.link->zones)), R"(["cn-hangzhou-h"])",
     R"(["h"])"},
    {kLink, "answer", READ(read_boolean(n, t.link->answer)), "false", R"("no")"},
    {kLink, "free_stuck", READ(read_boolean(n, t.link->free_stuck)), "true", R"("yes")"},
    {kLink, "token_file", READ(read_path(n, t.link->token.file)), R"("/etc/postern/db.token")",
     R"("0123456789abcdef0123456789abcdef01234567")"},
    {kLink, "token_env", READ(read_string(n, "a name in quotes", check_env_name, t.link->token.env)), R"("DB_TOKEN")",
     R"("DB-TOKEN")"},
    {kLink, "policy",
     READ(read_word<probe::LinkPolicy>(
         n,
         {{"any", probe::LinkPolicy::kAny}, {"quorum", probe::LinkPolicy::kQuorum}, {"all", probe::LinkPolicy::kAll}},
         t.link->policy)),
     R"("quorum")", R"("some")"},
    {kLink, "target", READ(read_targets(n, t.link->targets)),
     R"(["ep-x.epsrv-y.cn-hangzhou.privatelink.aliyuncs.com", "ep-z.example.com"])", R"("10.0.1.23")"},
    {kLink, "zones_file", READ(read_path(n, t.link->zones_file)), R"("/etc/postern/zones.json")", R"("zones.json")"},
    {kLink, "compare", READ(read_gateway(n, t.link->compare, t.link->compare_port)), R"("gw.example.com:8443")",
     R"("https://gw.example.com")"},
    {kLink, "compare_interval", READ(read_duration(n, kMinute, kDay, t.link->compare_interval_us)), R"("1h")",
     R"("10s")"},

    {kProbe, "enabled", READ(read_boolean(n, t.link->probe.enabled)), "false", R"("yes")"},
    {kProbe, "kind", READ(read_kind(n, t.link->probe.kind)), R"("tdengine")", R"("http")"},
    {kProbe, "interval", READ(read_duration(n, 100 * kMillisecond, kHour, t.link->probe.interval_us)), R"("2s")", "2"},
    {kProbe, "timeout", READ(read_duration(n, 50 * kMillisecond, kMinute, t.link->probe.timeout_us)), R"("5s")",
     R"("1h")"},
    {kProbe, "connect_timeout", READ(read_duration(n, 10 * kMillisecond, kMinute, t.link->probe.connect_timeout_us)),
     R"("1s")", R"("")"},
    {kProbe, "fall", READ(read_int(n, 1, 100, t.link->probe.fall)), "2", "0"},
    {kProbe, "rise", READ(read_int(n, 1, 100, t.link->probe.rise)), "1", R"("two")"},
    {kProbe, "fast_interval", READ(read_duration(n, 50 * kMillisecond, kHour, t.link->probe.fast_interval_us)),
     R"("500ms")", R"("1ms")"},
    {kProbe, "port", READ(read_int(n, 1, 65535, t.link->probe.port)), "8443", "0"},
    {kProbe, "path", READ(read_string(n, "a path in quotes", check_url_path, t.link->probe.path)), R"("/rest/sql/db")",
     R"("/rest/sql?token=x")"},
    {kProbe, "sql", READ(read_string(n, "a statement in quotes", check_sql, t.link->probe.sql)),
     "\"select server_version()\"", R"("")"},
    {kProbe, "ca_file", READ(read_path(n, t.link->probe.ca_file)), R"("/etc/ssl/db.pem")", "1"},
    {kProbe, "server_name", READ(read_host(n, t.link->probe.server_name)), R"("gw.example.com")", R"("10.0.0.1")"},
    {kProbe, "degraded_over", READ(read_duration(n, kMillisecond, kMinute, t.link->probe.degraded_over_us)),
     R"("200ms")", R"("fast")"},
    {kProbe, "rate_below", READ(read_share(n, t.link->probe.rate_below)), "0.9", R"("90%")"},
    {kProbe, "expiry_warning", READ(read_duration(n, 0, 365 * kDay, t.link->probe.expiry_warning_us)), R"("30d")",
     R"("1y")"},
    {kProbe, "ws", READ(read_boolean(n, t.link->probe.ws)), "true", R"("yes")"},
    {kProbe, "status", READ(read_statuses(n, t.link->probe.accepted_status)), "[200, 204]", "[2000]"},
    {kProbe, "body_contains", READ(read_string(n, "a text in quotes", check_body_text, t.link->probe.body_contains)),
     R"("ok")", R"("")"},
    {kProbe, "json", READ(read_body_json(n, t.link->probe.body_json)), R"({"/status" = "ok", "/ready" = true})",
     R"({"status" = "ok"})"},
};

#undef READ

}  // namespace

const ConfigNode* ConfigNode::find(std::string_view key) const {
    for (const auto& [name, node] : entries) {
        if (name == key) return &node;
    }
    return nullptr;
}

core::Message ConfigNode::describe() const {
    switch (type) {
        case Type::kString:
            return looks_like_secret(text) ? core::Message("another text") : core::Message(shown(text));
        case Type::kInteger:
            return std::to_string(integer);
        case Type::kFloat:
            return fmt::format("{}", number);
        case Type::kBoolean:
            return std::string(boolean ? "true" : "false");
        case Type::kDate:
            return "a date or time";
        case Type::kList:
            return items.empty() ? "an empty list" : "a list";
        case Type::kTable:
            return "a table";
    }
    return "?";
}

std::string_view to_string(Section section) {
    switch (section) {
        case Section::kAgent:
            return "agent";
        case Section::kDns:
            return "dns";
        case Section::kHttp:
            return "http";
        case Section::kAliyun:
            return "aliyun";
        case Section::kFleet:
            return "fleet";
        case Section::kLink:
            return "link";
        case Section::kProbe:
            return "link.probe";
    }
    return "?";
}

std::span<const KeyRow> config_keys() {
    return kKeys;
}

const KeyRow* find_config_key(Section section, std::string_view name) {
    for (const KeyRow& row : kKeys) {
        if (row.section == section && row.name == name) return &row;
    }
    return nullptr;
}

}  // namespace postern::agent
