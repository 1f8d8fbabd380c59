// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "agent/config/config.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

constexpr const char* kLink = R"(
[[link]]
name = "tdengine-prod"
host = "GW-Private.cloud.example.com."
endpoint = ["ep-bp1a", "ep-bp1b"]
token_file = "/etc/postern/tdengine.token"
)";

std::vector<ConfigIssue> issues_of(const std::string& text) {
    const auto config = parse_config("f.toml", text);
    if (config) return {};
    return config.error();
}

/// The one mistake, as "LINE key: what"; everything when it is not one.
std::string only_issue(const std::string& text) {
    const auto issues = issues_of(text);
    std::string out;
    for (const auto& i : issues)
        out += (out.empty() ? "" : "\n") + std::to_string(i.line) + " " + i.key + ": " + i.what;
    return out;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("config: an empty file has the defaults of the manual, and a remark that nothing is linked", "[config]") {
    const auto config = parse_config("f.toml", "");
    REQUIRE(config);
    CHECK(config->agent.state_dir == "/var/lib/postern");
    CHECK(config->dns.listen.at(0).text() == "127.0.0.153:53");
    CHECK(config->dns.upstreams.empty());
    CHECK(config->dns.allow.size() == 2);
    CHECK(config->dns.ttl_us == 10 * core::kSecond);
    CHECK(config->dns.cache_bytes == 16u << 20);
    CHECK(config->http.listen.text() == "127.0.0.1:9853");
    CHECK(config->aliyun.poll_interval_us == core::kMinute);
    CHECK_FALSE(config->needs_discovery());
    REQUIRE(config->warnings.size() == 1);
    CHECK(contains(config->warnings[0].what, "[[link]]"));
}

TEST_CASE("config: a link is read with its host in lower case and without the final dot", "[config]") {
    const auto config = parse_config("f.toml", kLink);
    REQUIRE(config);
    REQUIRE(config->links.size() == 1);
    const auto& link = config->links[0];
    CHECK(link.host == "gw-private.cloud.example.com");
    CHECK(link.endpoints == std::vector<std::string>{"ep-bp1a", "ep-bp1b"});
    CHECK(link.line == 2);
    CHECK(link.probe.port == 443);
    CHECK(link.probe.interval_us == 10 * core::kSecond);
    CHECK(config->needs_discovery());
    CHECK(config->warnings.empty());
}

TEST_CASE("config: one endpoint may be given as a text", "[config]") {
    const auto config = parse_config("f", "[[link]]\nname='a'\nhost='a.example'\nendpoint='ep-abc'\ntoken_env='T'\n");
    REQUIRE(config);
    CHECK(config->links[0].endpoints == std::vector<std::string>{"ep-abc"});
    CHECK(config->links[0].token.env == "T");
}

TEST_CASE("config: all mistakes are reported at once, in the order of the file", "[config]") {
    const auto issues = issues_of(R"([agent]
log_levl = "debug"
[dns]
ttl = 10
listen = ["127.0.0.1:0", "nonsense"]
[[link]]
name = "a b"
host = "not a name"
[link.probe]
fall = 0
)");
    REQUIRE(issues.size() == 7);
    CHECK(issues[0].line == 2);
    CHECK(contains(issues[0].what, "did you mean \"log_level\"?"));
    CHECK(issues[1].line == 4);
    CHECK(contains(issues[1].what, "has no unit: expected a duration such as \"10s\""));
    CHECK(issues[2].line == 5);
    CHECK(contains(issues[2].what, "port 0"));
    CHECK(contains(issues[2].what, "nonsense"));
    CHECK(issues[3].line == 6);  // no source of addresses
    CHECK(issues[4].line == 7);
    CHECK(issues[5].line == 8);
    CHECK(issues[6].line == 10);
    CHECK(format_issue("f.toml", issues[0]) == "f.toml:2: agent.log_levl: unknown key; did you mean \"log_level\"?");
}

TEST_CASE("config: broken TOML names the line and the most common mistake", "[config]") {
    CHECK(contains(only_issue("[dns]\nttl = 10s\n"), "2 : not TOML: texts, durations and addresses need quotes"));
    CHECK(contains(only_issue("[dns]\nttl: 10\n"), "2 : not TOML: write key = value"));
    CHECK(contains(only_issue("[aliyun]\nregion = \"cn-hangzhou\n[dns]\n"), "2 : not TOML"));
    CHECK(contains(only_issue("[dns]\nttl = \"1s\"\nttl = \"2s\"\n"), "3 : "));
}

TEST_CASE("config: sections and keys in the wrong place say where they belong", "[config]") {
    CHECK(contains(only_issue(std::string(kLink) + "interval = \"5s\"\n"),
                   "7 link.interval: unknown key here; it belongs to [link.probe]"));
    CHECK(contains(only_issue("ttl = \"5s\"\n"), "1 ttl: unknown at the top of the file; it belongs to [dns]"));
    CHECK(contains(only_issue("[alyun]\nregion=\"cn-hangzhou\"\n"), "did you mean \"aliyun\"?"));
    CHECK(contains(only_issue("[link]\nname=\"a\"\n"), "write [[link]] with two brackets"));
    CHECK(contains(only_issue("dns = 3\n"), "expected a section [dns], found 3"));
}

TEST_CASE("config: exactly one source of addresses", "[config]") {
    const std::string head = "[[link]]\nname = \"a\"\nhost = \"a.example\"\n";
    CHECK(contains(only_issue(head), "1 link: has no source of addresses"));
    CHECK(contains(only_issue(head + "endpoint = \"ep-abc\"\naddresses = [\"10.0.0.1\"]\n"),
                   "5 link.addresses: there are endpoint and addresses: expected exactly one"));
    CHECK(contains(only_issue(head + "target = \"ep-x.privatelink.aliyuncs.com\"\nzones_file = \"/z.json\"\n"),
                   "5 link.zones_file: there are target and zones_file: expected exactly one"));
    CHECK(contains(only_issue(head + "addresses = [\"10.0.0.1\"]\nzones = [\"cn-hangzhou-h\"]\n"),
                   "5 link.zones: narrows what an endpoint gives"));
    CHECK(parse_config("f", head + "zones_file = \"/z.json\"\nzones = [\"cn-hangzhou-h\"]\n"));
    CHECK(contains(only_issue(head + "target = \"10.0.0.1\"\n"), "is an address (10.0.0.1)"));
    CHECK(contains(only_issue(head + "addresses = [\"10.0.0.1\", \"10.0.0.1\"]\n"), "is there twice"));
    CHECK(contains(only_issue(head + "addresses = [\"10.0.0.1:443\"]\n"), "has a port"));
    CHECK(contains(only_issue(head + "addresses = [\"0.0.0.0\", \"224.0.0.1\"]\n"), "is not the address of a host"));
    CHECK(contains(only_issue(head + "endpoint = \"epsrv-abc\"\n"), "ID of an endpoint service"));
}

TEST_CASE("config: a link follows one name or a list of them, each once", "[config]") {
    const std::string head = "[[link]]\nname = \"a\"\nhost = \"a.example\"\ntoken_env = \"T\"\n";
    const auto one = parse_config("f", head + "target = \"EP-X.privatelink.example.com.\"\n");
    REQUIRE(one);
    CHECK(one->links[0].targets == std::vector<std::string>{"ep-x.privatelink.example.com"});
    CHECK_FALSE(one->needs_discovery());
    const auto two = parse_config("f", head + "target = [\"ep-x-h.example.com\", \"ep-x-i.example.com.\"]\n");
    REQUIRE(two);
    CHECK(two->links[0].targets == std::vector<std::string>{"ep-x-h.example.com", "ep-x-i.example.com"});
    CHECK_FALSE(two->needs_discovery());
    CHECK(contains(only_issue(head + "target = []\n"), "5 link.target: is an empty list"));
    CHECK(contains(only_issue(head + "target = [\"x.example\", \"X.example.\"]\n"), "is there twice"));
    CHECK(contains(only_issue(head + "target = [\"x.example\", \"10.0.0.1\"]\n"), "is an address (10.0.0.1)"));
    CHECK(contains(only_issue(head + "target = { name = \"x\" }\n"), "a host name in quotes, or a list of them"));
    std::string many;
    for (int i = 0; i < 65; ++i)
        many += (i == 0 ? "\"n" : ", \"n") + std::to_string(i) + ".example\"";
    CHECK(contains(only_issue(head + "target = [" + many + "]\n"), "has 65 items: at most 64 are allowed"));
}

TEST_CASE("config: a link that only verifies its name is read, and check-config says what that means", "[config]") {
    const std::string head = "[[link]]\nname = \"a\"\nhost = \"a.example\"\ntoken_env = \"T\"\nendpoint = \"ep-1\"\n";
    const auto usual = parse_config("f", head);
    REQUIRE(usual);
    CHECK(usual->links[0].answer);
    CHECK(usual->notes.empty());
    const auto other = "[[link]]\nname = \"b\"\nhost = \"b.example\"\ntoken_env = \"T\"\naddresses = [\"10.0.0.1\"]\n";
    const auto verified = parse_config("f", head + "answer = false\n" + other);
    REQUIRE(verified);
    CHECK_FALSE(verified->links[0].answer);
    CHECK(verified->hosts() == std::vector<std::string>{"a.example", "b.example"});
    CHECK(verified->answered_hosts() == std::vector<std::string>{"b.example"});
    CHECK(verified->warnings.empty());
    REQUIRE(verified->notes.size() == 1);
    CHECK(verified->notes[0].line == 6);
    CHECK(verified->notes[0].key == "link.answer");
    CHECK(contains(verified->notes[0].what, "\"a\" is verify only"));
    CHECK(contains(only_issue(head + "answer = \"no\"\n"), "6 link.answer: expected true or false"));
}

TEST_CASE("config: ending stuck connections needs probes and an answer of postern's", "[config]") {
    const std::string head = "[[link]]\nname = \"a\"\nhost = \"a.example\"\ntoken_env = \"T\"\nendpoint = \"ep-1\"\n";
    CHECK_FALSE(parse_config("f", head)->links[0].free_stuck);
    CHECK(parse_config("f", head + "free_stuck = true\n")->links[0].free_stuck);
    CHECK(contains(only_issue(head + "free_stuck = true\nanswer = false\n"), "6 link.free_stuck: follows from probes"));
    CHECK(contains(only_issue(head + "free_stuck = true\n[link.probe]\nenabled = false\n"),
                   "it needs [link.probe] enabled = true"));
}

TEST_CASE("config: names and hosts are unique, and the first place is named", "[config]") {
    const std::string other =
        "[[link]]\nname = \"tdengine-prod\"\nhost = \"gw-private.CLOUD.example.com\"\naddresses = "
        "[\"10.0.0.1\"]\n";
    const auto issues = issues_of(std::string(kLink) + other);
    REQUIRE(issues.size() == 2);
    CHECK(issues[0].line == 8);
    CHECK(contains(issues[0].what, "is there already, on line 3"));
    CHECK(issues[1].line == 9);
    CHECK(contains(issues[1].what, "several endpoints go into one link as a list"));
}

TEST_CASE("config: secrets are refused with advice and never repeated", "[config]") {
    const std::string secret = "5ecre7705ecre7705ecre7705ecre7705ecre770";
    for (const std::string& line :
         {"token = \"" + secret + "\"", "token_file = \"" + secret + "\"", "token_env = \"" + secret + "\"",
          "password = \"" + secret + "\"", "host = \"https://gw.example.com/rest/sql?token=" + secret + "\"",
          "host = \"" + secret + "\"", "name = \"" + secret + " \"", "addresses = [\"" + secret + "\"]"}) {
        const std::string text = only_issue("[[link]]\n" + line + "\n");
        INFO(line << "\n" << text);
        CHECK_FALSE(text.empty());
        CHECK_FALSE(contains(text, secret));
    }
    CHECK(contains(only_issue(std::string(kLink) + "token = \"" + secret + "\"\n"), "name it with token_file"));
    CHECK(contains(only_issue("[aliyun]\naccess_key_secret = \"" + secret + "\"\n"), "ECS RAM role"));
    CHECK(contains(only_issue(std::string(kLink) + "token_fil = \"/x\"\n"), "did you mean \"token_file\"?"));
    CHECK(contains(only_issue(std::string(kLink) + "token_env = \"T\"\n"), "expected one of them"));
}

TEST_CASE("config: hosts that can't be private names are refused with the reason", "[config]") {
    const auto host = [](const std::string& value) {
        return only_issue("[[link]]\nname = \"a\"\naddresses = [\"10.0.0.1\"]\nhost = \"" + value + "\"\n");
    };
    CHECK(host("db.example.com") == "");
    CHECK(host("_x.db-1.Example.COM.") == "");
    CHECK(contains(host("10.0.0.1"), "is an address"));
    CHECK(contains(host("db.example.com:443"), "has a port"));
    CHECK(contains(host("https://db.example.com/"), "give the host name alone, \"db.example.com\""));
    CHECK(contains(host("db"), "one part only"));
    CHECK(contains(host("db.localhost"), "has a special meaning"));
    CHECK(contains(host("1.0.10.in-addr.arpa"), "has a special meaning"));
    CHECK(contains(host("*.example.com"), "wildcard"));
    CHECK(contains(host("-db.example.com"), "not a host name"));
    CHECK(contains(host("db..example.com"), "not a host name"));
    CHECK(contains(host(std::string(64, 'a') + ".example.com"), "longer than 63"));
    CHECK(contains(host("a." + std::string(60, 'b') + "." + std::string(60, 'b') + "." + std::string(60, 'b') + "." +
                        std::string(60, 'b') + "." + std::string(20, 'c')),
                   "at most 253"));
    CHECK(contains(host(""), "is empty"));
}

TEST_CASE("config: times that contradict each other are refused; a default gives way", "[config]") {
    const auto with = [](const std::string& probe) { return std::string(kLink) + "[link.probe]\n" + probe; };
    CHECK(contains(only_issue(with("timeout = \"1s\"\nconnect_timeout = \"2s\"\n")),
                   "9 link.probe.connect_timeout: 2s is longer than timeout (1s, line 8)"));
    CHECK(contains(only_issue(with("interval = \"1s\"\nfast_interval = \"2s\"\n")), "fast_interval"));
    const auto config = parse_config("f", with("timeout = \"1s\"\ninterval = \"500ms\"\n"));
    REQUIRE(config);
    CHECK(config->links[0].probe.connect_timeout_us == core::kSecond);
    CHECK(config->links[0].probe.fast_interval_us == 500 * core::kMillisecond);
    const auto slow = parse_config("f", with("connect_timeout = \"10s\"\n"));
    REQUIRE(slow);
    CHECK(slow->links[0].probe.timeout_us == 10 * core::kSecond);
    CHECK(contains(only_issue(with("interval = \"10m\"\n")), "dns.plan_ttl (5m)"));
    CHECK(only_issue("[dns]\nplan_ttl = \"20m\"\n" + with("interval = \"10m\"\n")).empty());
    CHECK(contains(only_issue("[fleet]\nlist_url = \"oss://fleet/current.json\"\n"), "needs list_keys"));
    CHECK(contains(only_issue("[fleet]\nfleet_only = true\n"), "needs list_url"));
    CHECK(contains(only_issue("[fleet]\nlist_url = \"file:/srv/current.json\"\n"), "is a file of this host"));
    const std::string private_key = "ed25519-private:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    const std::string told = only_issue("[fleet]\nlist_keys = [\"" + private_key + "\"]\n");
    CHECK(contains(told, "is a private key"));
    CHECK_FALSE(contains(told, "11qYAYKxCrfVS"));
    CHECK(contains(only_issue("[aliyun]\npoll_interval = \"10m\"\npoll_max_interval = \"1m\"\n"),
                   "poll_interval: 10m is longer"));
    const auto patient = parse_config("f", "[aliyun]\npoll_interval = \"10m\"\n");
    REQUIRE(patient);
    CHECK(patient->aliyun.poll_max_interval_us == 10 * core::kMinute);
}

TEST_CASE("config: addresses that would meet each other are refused", "[config]") {
    CHECK(contains(only_issue("[dns]\nlisten = [\"127.0.0.1:5300\"]\nupstreams = [\"127.0.0.1:5300\"]\n"),
                   "round in circles"));
    CHECK(contains(only_issue("[dns]\nlisten = [\"127.0.0.1:9853\"]\n"), "is taken by dns.listen"));
    CHECK(contains(only_issue("[agent]\nstate_dir = \"/x\"\nruntime_dir = \"/x\"\n"), "same folder"));
}

TEST_CASE("config: what is odd but possible is a warning with its line", "[config]") {
    const auto config = parse_config(
        "f",
        std::string("[dns]\nlisten = [\"127.0.0.53\"]\nallow = [\"0.0.0.0/0\"]\n[aliyun]\nregion = \"cn-hangzhou\"\n"
                    "[[link]]\nname = \"a\"\nhost = \"a.example\"\nendpoint = \"ep-abc\"\nzones = "
                    "[\"cn-beijing-a\"]\n"));
    REQUIRE(config);
    REQUIRE(config->warnings.size() == 4);
    CHECK(config->warnings[0].line == 2);
    CHECK(contains(config->warnings[0].what, "systemd-resolved"));
    CHECK(contains(config->warnings[1].what, "open resolver"));
    CHECK(contains(config->warnings[2].what, "not a zone of the region"));
    CHECK(contains(config->warnings[3].what, "token_file"));
}

TEST_CASE("config: comparing is off unless asked for, has its own port, and its cost is noted", "[config]") {
    const auto without = parse_config("f.toml", kLink);
    REQUIRE(without);
    CHECK(without->links[0].compare.empty());
    CHECK(without->notes.empty());
    const auto config =
        parse_config("f.toml", std::string(kLink) + "compare = \"GW.Example.com.\"\ncompare_interval = \"1h\"\n");
    REQUIRE(config);
    CHECK(config->links[0].compare == "gw.example.com");
    CHECK(config->links[0].compare_port == 443);
    CHECK(config->links[0].compare_interval_us == core::kHour);
    CHECK(config->warnings.empty());
    REQUIRE(config->notes.size() == 1);
    CHECK(config->notes[0].line == 7);
    CHECK(contains(config->notes[0].what, "every 1h"));
    CHECK(contains(config->notes[0].what, "gw.example.com over the public internet, with this link's token"));
    const auto ported = parse_config("f.toml", std::string(kLink) + "compare = \"gw.example.com:80\"\n");
    REQUIRE(ported);
    CHECK(ported->links[0].compare_port == 80);
    CHECK(ported->links[0].compare_interval_us == 10 * core::kMinute);
    const auto idle =
        parse_config("f.toml", std::string(kLink) + "compare = \"gw.example.com\"\n[link.probe]\nenabled = false\n");
    REQUIRE(idle);
    REQUIRE(idle->warnings.size() == 1);
    CHECK(contains(idle->warnings[0].what, "nothing to compare with"));
    CHECK(idle->notes.empty());
}

TEST_CASE("config: comparing with a private name, a bad port, or a pace without a gateway is refused", "[config]") {
    const auto with = [](const std::string& line) { return only_issue(std::string(kLink) + line + "\n"); };
    CHECK(contains(with("compare = \"gw-private.cloud.example.com\""), "7 link.compare: "));
    CHECK(contains(with("compare = \"gw.example.com:0\""), "1 to 65535"));
    CHECK(contains(with("compare = \"gw.example.com:123456\""), "1 to 65535"));
    CHECK(contains(with("compare = \"203.0.113.10\""), "is an address"));
    CHECK(contains(with("compare = \"gw.example.com?token=abc\""), "7 link.compare: "));
    CHECK_FALSE(contains(with("compare = \"gw.example.com?token=abc\""), "abc"));
    CHECK(contains(with("compare_interval = \"1h\""), "it needs \"compare\""));
}

TEST_CASE("config: a region that is a zone says which region it is", "[config]") {
    CHECK(contains(only_issue("[aliyun]\nregion = \"cn-hangzhou-h\"\n"), "the region is \"cn-hangzhou\""));
    CHECK(contains(only_issue("[aliyun]\nregion = \"ap-southeast-1a\"\n"), "the region is \"ap-southeast-1\""));
    for (const char* region :
         {"cn-hangzhou", "ap-southeast-1", "cn-shanghai-finance-1", "us-east-1", "cn-north-2-gov-1"}) {
        CHECK(only_issue("[aliyun]\nregion = \"" + std::string(region) + "\"\n").empty());
    }
}

TEST_CASE("config: the API is asked over https only, without credentials in the URL", "[config]") {
    const auto api = [](const std::string& url) { return only_issue("[aliyun]\napi_endpoint = \"" + url + "\"\n"); };
    CHECK(api("https://privatelink.example.com").empty());
    CHECK(api("https://privatelink.example.com:8443/").empty());
    CHECK(api("https://127.0.0.1:8443").empty());
    CHECK(api("https://[::1]:8443").empty());
    CHECK(contains(api("http://privatelink.example.com"), "not encrypted"));
    CHECK(contains(api("https://user:pass@example.com"), "credentials don't belong"));
    CHECK_FALSE(contains(api("https://user:hunter22@example.com"), "hunter22"));
    CHECK(contains(api("https://example.com/path"), "has a path"));
    CHECK(contains(api("https://example.com:99999"), "no valid port"));
}

TEST_CASE("config: what breaks an assertion of the TOML library is one mistake with its line", "[config]") {
    for (const char* text : {"[.]", "\n[.]\n", "[a..b]", "x.=1"})
        CHECK_FALSE(only_issue(text).empty());
}

TEST_CASE("config: bounds hold: file size, links, issues", "[config]") {
    CHECK(contains(only_issue(std::string((1u << 20) + 1, '#')), "at most 1 MiB"));
    std::string many;
    for (int i = 0; i < 10001; ++i)
        many += "[[link]]\n";
    CHECK(contains(only_issue(many), "at most 10000"));
    std::string wrong;
    for (int i = 0; i < 300; ++i)
        wrong += "k" + std::to_string(i) + " = 1\n";
    const auto issues = issues_of(wrong);
    REQUIRE(issues.size() == 201);
    CHECK(issues.back().what == "… and 100 more");
}

TEST_CASE("config: any cut of a valid file, and any changed byte, parses or is refused with words that can be shown",
          "[config]") {
    const std::string text =
        std::string("[dns]\nlisten = [\"127.0.0.153:53\"]\n") + kLink + "[link.probe]\nsql = \"select 1\"\n";
    REQUIRE(parse_config("f", text));
    std::size_t refused = 0;
    for (std::size_t n = 0; n < text.size(); ++n) {
        std::string flipped = text;
        flipped[n] = static_cast<char>(flipped[n] ^ 0x55);
        for (const std::string& damaged : {text.substr(0, n), flipped}) {
            INFO(damaged);
            const auto config = parse_config("f", damaged);
            if (config) {
                CHECK(config->links.size() <= 1);
                continue;
            }
            ++refused;
            CHECK_FALSE(config.error().empty());
            for (const auto& issue : config.error()) {
                CHECK(issue.line <= 1 + std::count(damaged.begin(), damaged.end(), '\n'));
                const std::string shown = format_issue("f", issue);
                CHECK(
                    std::none_of(shown.begin(), shown.end(), [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; }));
            }
        }
    }
    CHECK(refused > text.size() / 2);
}

TEST_CASE("config: a missing file is one issue without a line", "[config]") {
    const auto config = load_config("/nonexistent/postern.toml");
    REQUIRE_FALSE(config);
    REQUIRE(config.error().size() == 1);
    CHECK(config.error()[0].line == 0);
    CHECK(contains(format_issue("/nonexistent/postern.toml", config.error()[0]), "/nonexistent/postern.toml: "));
}

TEST_CASE("config: kinds, and what belongs to which", "[config]") {
    const auto with = [](const std::string& probe) { return std::string(kLink) + "[link.probe]\n" + probe; };
    const auto taken = [&](const std::string& probe) {
        const auto config = parse_config("f", with(probe));
        INFO(only_issue(with(probe)));
        REQUIRE(config);
        return config->links[0].probe;
    };
    CHECK(taken("kind = \"tdengine\"\nws = true\n").kind == probe::Kind::kTdengine);
    CHECK(taken("rate_below = 0.9\n").rate_below == 0.9);
    CHECK(taken("kind = \"tcp\"\nport = 5432\n").kind == probe::Kind::kTcp);
    const auto https = taken(
        "kind = \"https\"\nstatus = [200, 204]\nbody_contains = \"ok\"\n"
        "json = {\"/status\" = \"ok\", \"/a~1b/0\" = 7, \"/ready\" = true}\n");
    CHECK(https.kind == probe::Kind::kHttps);
    CHECK(https.path == "/");
    CHECK(https.accepted_status == std::vector<int>{200, 204});
    CHECK(https.body_contains == "ok");
    using Values = std::vector<std::pair<std::string, std::string>>;
    auto json = https.body_json;
    std::sort(json.begin(), json.end());
    CHECK(json == Values{{"/a~1b/0", "7"}, {"/ready", "true"}, {"/status", "ok"}});
    CHECK(taken("kind = \"https\"\npath = \"/healthz\"\n").path == "/healthz");

    CHECK(contains(only_issue(with("status = [200]\n")),
                   "8 link.probe.status: belongs to kind \"https\", and this is kind \"tdengine\""));
    CHECK(contains(only_issue(with("kind = \"https\"\nsql = \"select 1\"\n")),
                   "9 link.probe.sql: belongs to kind \"tdengine\""));
    CHECK(contains(only_issue(with("kind = \"https\"\nws = true\n")), "belongs to kind \"tdengine\""));
    CHECK(taken("kind = \"tcp\"\nca_file = \"/x\"\n").kind == probe::Kind::kTcp);  // of no use, and no harm
    CHECK(contains(only_issue(with("kind = \"udp\"\n")), "one of \"tdengine\", \"https\", \"tcp\""));
    CHECK(contains(only_issue(with("kind = \"https\"\nstatus = []\n")), "1 to 16 status codes"));
    CHECK(contains(only_issue(with("kind = \"https\"\nstatus = [99]\n")), "from 200 to 599"));
    CHECK(contains(only_issue(with("kind = \"https\"\njson = {status = \"ok\"}\n")), "begins with \"/\""));
    CHECK(contains(only_issue(with("kind = \"https\"\njson = {\"/a~2\" = \"ok\"}\n")), "~0"));
    CHECK(contains(only_issue(with("kind = \"https\"\njson = {\"/a\" = [1]}\n")), "found a list"));
}

TEST_CASE("config: where a host reports", "[config]") {
    FleetConfig fleet;
    CHECK_FALSE(fleet.reporting());
    CHECK(fleet.reports().empty());
    fleet.list_url = "oss://fleet/prod/current.json";
    CHECK(fleet.reports().empty());
    fleet.report = true;
    CHECK(fleet.reports() == "oss://fleet/prod/reports/");
    fleet.report_url = "s3://other/r/";
    CHECK(fleet.reports() == "s3://other/r/");
    fleet.report = false;
    CHECK(fleet.reporting());
    CHECK(contains(only_issue("[fleet]\nreport = true\n"), "needs report_url"));
    CHECK(contains(only_issue("[fleet]\nreport_url = \"https://host/r/?Signature=x\"\n"), "has a query"));
}
