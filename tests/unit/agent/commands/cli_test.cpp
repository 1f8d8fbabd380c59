// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/cli.h"

#include <cstdlib>

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

constexpr Micros kNow = 1767323045LL * core::kSecond;

Command parse(std::vector<const char*> words) {
    words.insert(words.begin(), "postern");
    return parse_command_line(static_cast<int>(words.size()), words.data(), kNow);
}

template <class T>
T as(std::vector<const char*> words) {
    auto command = parse(std::move(words));
    if (const auto* text = std::get_if<PrintAndExit>(&command)) FAIL(text->text);
    REQUIRE(std::holds_alternative<T>(command));
    return std::get<T>(command);
}

PrintAndExit printed(std::vector<const char*> words) {
    auto command = parse(std::move(words));
    REQUIRE(std::holds_alternative<PrintAndExit>(command));
    return std::get<PrintAndExit>(command);
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("cli: commands with their options", "[cli]") {
    CHECK(as<RunCommand>({"run"}).config == kDefaultConfigPath);
    CHECK(as<RunCommand>({"run", "--no-resolver", "--config", "/x"}).no_resolver);
    CHECK(as<CheckConfigCommand>({"check-config", "--config=/x"}).config == "/x");
    CHECK(as<PlanShowCommand>({"plan", "show", "/p", "--json"}).file == "/p");
    CHECK(as<PlanCompileCommand>({"plan", "compile", "--out", "/p", "--config", "/x"}).config == "/x");
    CHECK(as<StatusCommand>({"status", "--watch"}).watch);
    CHECK(as<ResolveCommand>({"resolve", "db.example.com", "AAAA"}).type == "AAAA");
    CHECK(as<ConnectionsCommand>({"connections", "--json"}).json);
    CHECK_FALSE(as<ConnectionsCommand>({"connections"}).json);
    CHECK(as<RefreshCommand>({"refresh", "--timeout", "5s"}).timeout_us == 5 * core::kSecond);
    const auto probe =
        as<ProbeCommand>({"probe", "prod", "--count", "3", "--address", "10.0.1.23", "--address", "10.0.2.9", "--host",
                          "DB.example.com", "--token-file", "/t", "--ca-file", "/c", "--timeout", "1500ms", "--json"});
    CHECK(probe.target.link == "prod");
    CHECK(probe.target.addresses.size() == 2);
    CHECK(probe.target.host == "db.example.com");
    CHECK(probe.target.timeout_us == 1500 * core::kMillisecond);
    CHECK_FALSE(probe.target.config_given);
    CHECK(as<ProbeCommand>({"probe", "--config", "/x"}).target.config_given);
}

TEST_CASE("cli: fleet status and publish report", "[cli]") {
    const auto fleet =
        as<FleetStatusCommand>({"fleet", "status", "--from", "oss://fleet/r/", "--fleet", "prod", "--json", "-w"});
    CHECK((fleet.from == "oss://fleet/r/" && fleet.fleet == "prod" && fleet.json && fleet.watch));
    const auto report = as<PublishReportCommand>({"publish", "report", "--to", "file:/srv/r", "-n"});
    CHECK((report.to == "file:/srv/r" && report.dry_run));
    CHECK(as<PublishReportCommand>({"publish", "report"}).to.empty());
    for (auto words :
         std::vector<std::vector<const char*>>{{"fleet"},
                                               {"fleet", "status", "--from", "oss://x/"},
                                               {"fleet", "status", "--from", "https://host/r/?Signature=x"},
                                               {"fleet", "status", "--fleet", "a b"},
                                               {"publish", "report", "--to", "reports"}})
        CHECK(printed(words).code == kExitUnknown);
}

TEST_CASE("cli: publish list, run and keygen", "[cli]") {
    const auto list = as<PublishListCommand>({"publish",     "list",     "--to",        "oss://fleet/prod/current.json",
                                              "-k",          "/a.key",   "--key-file",  "/b.key",
                                              "--fleet",     "prod",     "--publisher", "host-1",
                                              "--endpoint",  "ep-a",     "--endpoint",  "ep-b",
                                              "--valid-for", "12h",      "--replace",   "--dry-run",
                                              "--json",      "--config", "/x"});
    CHECK(list.to == "oss://fleet/prod/current.json");
    CHECK(list.key_files == std::vector<std::string>{"/a.key", "/b.key"});
    CHECK(list.fleet == "prod");
    CHECK(list.publisher == "host-1");
    CHECK(list.endpoints == std::vector<std::string>{"ep-a", "ep-b"});
    CHECK(list.validity_us == 12 * core::kHour);
    CHECK((list.replace && list.dry_run && list.json && !list.beat));
    CHECK(list.config == "/x");
    const auto run = as<PublishListCommand>({"publish", "run", "-k", "/a.key"});
    CHECK(run.beat);
    CHECK(run.validity_us == core::kDay);
    CHECK(as<PublishKeygenCommand>({"publish", "keygen", "/a.key"}).file == "/a.key");
    CHECK(as<PublishKeygenCommand>({"publish", "keygen", "--show", "/a.key"}).show);
    for (const std::vector<const char*>& bad :
         {std::vector<const char*>{"publish"},
          {"publish", "list"},
          {"publish", "keygen"},
          {"publish", "list", "-k", "x", "--to", "ftp://x/y"},
          {"publish", "list", "-k", "x", "--valid-for", "1s"},
          {"publish", "list", "-k", "x", "--valid-for", "32d"},
          {"publish", "list", "-k", "x", "--endpoint", "vpc-1"},
          {"publish", "list", "-k", "1", "-k", "2", "-k", "3", "-k", "4", "-k", "5"},
          {"publish", "run", "-k", "x", "--json"}})
        CHECK(printed(bad).code == kExitUnknown);
}

TEST_CASE("cli: logs filters", "[cli]") {
    const auto logs =
        as<LogsCommand>({"logs", "-f", "-n", "20", "--since", "1h", "--until", "2026-01-02T03:04:05Z", "--link", "prod",
                         "--ip", "10.0.1.23", "--state", "down", "--reason", "tcp_timeout", "-o", "json"});
    CHECK(logs.follow);
    CHECK(logs.count == 20u);
    CHECK(logs.filter.since_wall_us == kNow - core::kHour);
    CHECK(logs.filter.until_wall_us == kNow);
    CHECK(logs.filter.ip->text() == "10.0.1.23");
    CHECK(logs.filter.state == probe::State::kDown);
    CHECK(logs.filter.reason == probe::Reason::kTcpTimeout);
    CHECK(logs.format == LogsCommand::Format::kJson);
    CHECK_FALSE(as<LogsCommand>({"logs"}).count.has_value());
    CHECK(as<LogsCommand>({"logs", "--since", "2026-01-02 03:04"}).filter.since_wall_us > 0);
}

TEST_CASE("cli: drain, undrain, drain status", "[cli]") {
    using Verb = DrainCommand::Verb;
    const auto drain =
        as<DrainCommand>({"drain", "cn-hangzhou-h", "--for", "1h30m", "--reason", "new cable", "--json"});
    CHECK(drain.verb == Verb::kDrain);
    CHECK(drain.target == "cn-hangzhou-h");
    CHECK(drain.for_us == 90 * core::kMinute);
    CHECK(drain.reason == "new cable");
    CHECK(drain.json);
    CHECK(as<DrainCommand>({"drain", "--for", "3d", "10.0.1.23", "--config", "/x"}).config == "/x");
    CHECK(as<DrainCommand>({"drain", "status"}).verb == Verb::kStatus);
    CHECK(as<DrainCommand>({"drain", "status", "--json"}).json);
    CHECK(as<DrainCommand>({"undrain"}).verb == Verb::kUndrain);
    CHECK(as<DrainCommand>({"undrain"}).target.empty());
    CHECK(as<DrainCommand>({"undrain", "10.0.1.23"}).target == "10.0.1.23");
    const std::string long_reason(201, 'x');
    for (const auto& words :
         std::vector<std::vector<const char*>>{{"drain"},
                                               {"drain", "cn-hangzhou-h"},
                                               {"drain", "--for", "1h"},
                                               {"drain", "a", "b", "--for", "1h"},
                                               {"drain", "cn-hangzhou-h", "--for", "59s"},
                                               {"drain", "cn-hangzhou-h", "--for", "73h"},
                                               {"drain", "cn-hangzhou-h", "--for", "3600"},
                                               {"drain", "x-y", "--for", "1h", "--reason", "a\nb"},
                                               {"drain", "x-y", "--for", "1h", "--reason", long_reason.c_str()},
                                               {"drain", "status", "--for", "1h"},
                                               {"undrain", "a", "b"},
                                               {"undrain", "a", "--for", "1h"}}) {
        const auto error = printed(words);
        INFO(error.text);
        CHECK(error.code == kExitUnknown);
        CHECK(has(error.text, "postern"));
    }
    CHECK(has(printed({"drian", "x"}).text, "did you mean \"drain\"?"));
}

TEST_CASE("cli: help and version are 0, on their own and for each command", "[cli]") {
    CHECK(printed({"--version"}).text == "postern " POSTERN_VERSION "\n");
    CHECK(printed({"--version"}).code == kExitGood);
    const std::string verbose = printed({"--version", "--verbose"}).text;
    CHECK(has(verbose, "postern " POSTERN_VERSION "\nOpenSSL        3."));
    CHECK(has(verbose, "\nglibc          2."));
    const auto help = printed({"--help"});
    CHECK(help.code == kExitGood);
    for (const char* command :
         {"run", "check-config", "status", "resolve", "probe", "logs", "refresh", "drain", "undrain"}) {
        CHECK(has(help.text, command));
        const auto own = printed({command, "--help"});
        INFO(own.text);
        CHECK(own.code == kExitGood);
        CHECK(has(own.text, "--config"));
    }
}

TEST_CASE("cli: help and version are words, too, at every level of commands", "[cli]") {
    CHECK(printed({"version"}).text == printed({"--version"}).text);
    CHECK(printed({"version", "--verbose"}).text == printed({"--version", "--verbose"}).text);
    CHECK(printed({"help"}).text == printed({"--help"}).text);
    CHECK(printed({"help", "status"}).text == printed({"status", "--help"}).text);
    const std::string enable = printed({"dns", "enable", "--help"}).text;
    CHECK(printed({"help", "dns", "enable"}).text == enable);
    CHECK(printed({"dns", "help", "enable"}).text == enable);
    CHECK(printed({"dns", "help"}).text == printed({"dns", "--help"}).text);
    CHECK(printed({"dns", "help"}).code == kExitGood);
    CHECK(as<ResolveCommand>({"resolve", "help"}).name == "help");  // a name
}

TEST_CASE("cli: an unknown command has a suggestion at every level", "[cli]") {
    CHECK(has(printed({"stauts"}).text, "did you mean \"status\"?"));
    CHECK(has(printed({"dns", "enabel"}).text, "there is no command"));
    CHECK(has(printed({"dns", "enabel"}).text, "did you mean \"dns enable\"?"));
    CHECK(has(printed({"plan", "shwo"}).text, "did you mean \"plan show\"?"));
    CHECK(has(printed({"endpoint", "lst"}).text, "did you mean \"endpoint list\"?"));
    CHECK(printed({"dns", "enabel"}).code == kExitUnknown);
}

TEST_CASE("cli: usage errors are 3 and say what to try", "[cli]") {
    for (const auto& words : std::vector<std::vector<const char*>>{{},
                                                                   {"nonsense"},
                                                                   {"status", "--nonsense"},
                                                                   {"resolve"},
                                                                   {"logs", "-o", "loud"},
                                                                   {"logs", "--since", "whenever"},
                                                                   {"logs", "--ip", "x"},
                                                                   {"logs", "-n", "-5"},
                                                                   {"probe", "--count", "0"},
                                                                   {"probe", "--address", "host.example.com"},
                                                                   {"probe", "--timeout", "3"},
                                                                   {"plan"},
                                                                   {"plan", "compile"},
                                                                   {"status", "extra"}}) {
        std::string line;
        for (const char* word : words)
            line += std::string(" ") + word;
        INFO("postern" << line);
        const auto error = printed(words);
        INFO(error.text);
        CHECK(error.code == kExitUnknown);
        CHECK_FALSE(error.text.empty());
    }
    CHECK(has(printed({"statsu"}).text, "did you mean \"status\"?"));
    CHECK(has(printed({"logs", "--reason", "tcp_timout"}).text, "did you mean tcp_timeout?"));
    CHECK(has(printed({"probe", "--host", "https://db.example.com/?token=abc"}).text, "give the host name alone"));
    CHECK_FALSE(has(printed({"probe", "--host", "https://db.example.com/?token=abc"}).text, "token=abc"));
}

TEST_CASE("cli: what is wrong with a command line is named, whatever kind it is", "[cli]") {
    const std::vector<std::pair<std::vector<const char*>, std::string>> rows = {
        {{"nonsense"}, "postern: there is no command \"nonsense\""},
        {{"status", "--nonsense"}, "postern status: there is no option \"--nonsense\""},
        {{"status", "--jsn"}, "did you mean \"--json\"?"},
        {{"status", "extra"}, "\"extra\" is one argument too many"},
        {{"status", "--config"}, "--config needs a value"},
        {{"status", "-c"}, "-c needs a value"},
        {{"status", "--json=x"}, "--json takes no value"},
        {{"probe", "--count", "1", "--count", "2"}, "--count may be given only once"},
        {{"probe", "--count", "0"}, "\"0\" is not a whole number from 1 to 100000"},
        {{"probe", "--port", "x"}, "\"x\" is not a whole number from 1 to 65535"},
        {{"resolve"}, "postern resolve: NAME is missing"},
        {{"plan", "compile"}, "postern plan compile: --out is missing"},
        {{"plan"}, "postern plan: a command is missing: show, compile"},
        {{"doctor", "--lang", "fr"}, "\"fr\" is neither en nor zh"},
        {{"drain", "x", "--for", "1h", "--reason", "a\nb"}, "--reason: a reason is one line of text"},
        {{"k8s", "corefile", "--service", "127.0.0.1"}, "is a loopback address"}};
    for (const auto& [words, expected] : rows) {
        const auto error = printed(words);
        INFO(error.text << expected);
        CHECK(error.code == kExitUnknown);
        CHECK(has(error.text, expected));
        CHECK(has(error.text, "\nTry: postern"));
    }
}

TEST_CASE("cli: help and usage errors are in the reader's language", "[cli]") {
    const char* const before = std::getenv("LC_ALL");
    const std::string old = before == nullptr ? "" : before;
    ::setenv("LC_ALL", "zh_CN.UTF-8", 1);
    const auto help = printed({"status", "--help"}), all = printed({"--help"}), error = printed({"status", "--jsn"});
    old.empty() ? ::unsetenv("LC_ALL") : ::setenv("LC_ALL", old.c_str(), 1);
    CHECK(has(help.text, "用法: postern status [选项]"));
    CHECK(has(help.text, "以 JSON 格式输出状态"));
    CHECK_FALSE(has(help.text, "Options"));
    CHECK(has(all.text, "用法：postern COMMAND"));
    CHECK(error.text == "postern status：没有选项 \"--jsn\"；是否想输入“--json”？\n请参见：postern status --help\n");
}

TEST_CASE("cli: dns has verbs, and enable a mode", "[cli]") {
    const auto parse = [](std::vector<const char*> words) {
        words.insert(words.begin(), "postern");
        return parse_command_line(static_cast<int>(words.size()), words.data(), 0);
    };
    const auto enable = parse({"dns", "enable", "--mode", "split", "--dry-run"});
    REQUIRE(std::holds_alternative<DnsCommand>(enable));
    CHECK(std::get<DnsCommand>(enable).verb == DnsCommand::Verb::kEnable);
    CHECK(std::get<DnsCommand>(enable).mode == Mode::kSplit);
    CHECK(std::get<DnsCommand>(enable).dry_run);
    CHECK(has(printed({"dns", "enable", "--mode", "half"}).text, "is not auto, split or full"));
    CHECK(printed({"dns"}).code == kExitUnknown);
}

TEST_CASE("cli: doctor's archive has a name or makes one, and only --fix takes a yes", "[cli]") {
    const auto doctor = [](std::vector<const char*> words) {
        words.insert(words.begin(), "doctor");
        return parse(std::move(words));
    };
    CHECK_FALSE(std::get<DoctorCommand>(doctor({})).bundle);
    CHECK(std::get<DoctorCommand>(doctor({"--bundle"})).bundle == "");
    CHECK(std::get<DoctorCommand>(doctor({"--bundle", "--json"})).json);
    CHECK(std::get<DoctorCommand>(doctor({"--bundle", "a.tar.gz"})).bundle == "a.tar.gz");
    CHECK(std::get<DoctorCommand>(doctor({"--bundle=a.tar.gz"})).bundle == "a.tar.gz");
    CHECK(std::get<DoctorCommand>(doctor({"--fix", "--yes"})).yes);
    for (const auto& wrong : {std::vector<const char*>{"--yes"}, {"--fix", "--json"}, {"--bundle", "a", "b"}})
        CHECK(std::get<PrintAndExit>(doctor(wrong)).code == kExitUnknown);
}

TEST_CASE("cli: publish", "[cli]") {
    const auto zone =
        as<PublishPrivateZoneCommand>({"publish", "privatezone", "prod", "--vpc", "vpc-1", "--vpc", "cn-beijing/vpc-2",
                                       "--ttl", "5s", "--follow-health", "--no-zone-lines", "--publisher", "host-a",
                                       "--region", "cn-hangzhou", "--yes", "-c", "/x"});
    CHECK(zone.common.link == "prod");
    CHECK(zone.common.config == "/x");
    CHECK(zone.common.ttl_s == 5);
    CHECK(zone.common.follow_health);
    CHECK(zone.common.yes);
    CHECK_FALSE(zone.zone_lines);
    CHECK(zone.vpcs == std::vector<std::string>{"vpc-1", "cn-beijing/vpc-2"});
    CHECK(zone.publisher == "host-a");
    CHECK(as<PublishPrivateZoneCommand>({"publish", "privatezone"}).zone_lines);
    // As the option's words, too.
    CHECK(as<PublishPrivateZoneCommand>({"publish", "--to", "privatezone", "--undo"}).common.undo);
    CHECK(as<PublishFileCommand>({"publish", "--to", "file", "--to", "/f"}).to == "/f");
    CHECK(as<PublishPrivateZoneCommand>({"publish", "privatezone", "-n", "--format", "terraform"}).terraform);
    CHECK(as<PublishPrivateZoneCommand>({"publish", "privatezone", "-n", "--format", "json"}).common.json);

    const auto file = as<PublishFileCommand>({"publish", "file", "--to", "/f", "--format", "hosts", "--undo", "-n"});
    CHECK(file.to == "/f");
    CHECK(file.form == publish::Form::kHosts);
    CHECK(file.common.undo);
    CHECK(file.common.dry_run);
    const auto manifest =
        as<PublishFileCommand>({"publish", "external-dns", "--name", "tdengine", "--namespace", "dns"});
    CHECK(manifest.form == publish::Form::kDnsEndpoint);
    CHECK(manifest.object_name == "tdengine");
    CHECK(manifest.space == "dns");
    CHECK(manifest.to.empty());

    for (const auto& wrong : std::vector<std::vector<const char*>>{
             {"publish"},
             {"publish", "nonsense"},
             {"publish", "--to", "nonsense"},
             {"publish", "privatezone", "--vpc", "10.0.0.0/8"},
             {"publish", "privatezone", "--vpc", "a b/vpc-1"},
             {"publish", "privatezone", "--ttl", "60s"},
             {"publish", "privatezone", "--publisher", "a;b"},
             {"publish", "privatezone", "--format", "terraform"},
             {"publish", "privatezone", "-n", "--undo", "--format", "terraform"},
             {"publish", "privatezone", "-n", "--format", "yaml"},
             {"publish", "file", "--format", "yaml"},
             {"publish", "external-dns", "--name", "A"},
         }) {
        INFO(wrong.back());
        CHECK(printed(wrong).code == kExitUnknown);
    }
}

TEST_CASE("cli: k8s corefile", "[cli]") {
    const auto plain = as<K8sCorefileCommand>({"k8s", "corefile"});
    CHECK(plain.node->text() == "169.254.20.153:53");
    CHECK_FALSE(plain.node_given);
    CHECK_FALSE(plain.service);
    const auto full =
        as<K8sCorefileCommand>({"k8s", "corefile", "--for", "nodelocal", "--node-address", "169.254.20.9", "--service",
                                "10.96.0.53", "--bind", "169.254.20.10", "--bind", "10.96.0.10", "--failover"});
    CHECK(full.options.dns == k8s::ClusterDns::kNodeLocal);
    CHECK(full.node_given);
    CHECK(full.service->text() == "10.96.0.53:53");
    CHECK(full.options.binds.size() == 2);
    for (const auto& words :
         std::vector<std::vector<const char*>>{{"k8s"},
                                               {"k8s", "corefile", "--for", "bind9"},
                                               {"k8s", "corefile", "--service", "127.0.0.1"},
                                               {"k8s", "corefile", "--node-address", "dns.example.com"},
                                               {"k8s", "corefile", "--bind", "169.254.20.10"},
                                               {"k8s", "corefile", "--for", "ack", "--failover"}})
        CHECK(printed(words).code == kExitUnknown);
    CHECK(has(printed({"k8s", "corefile", "--service", "127.0.0.1"}).text, "loopback"));
}

TEST_CASE("cli: publish kubernetes and ack-dns, in both spellings", "[cli]") {
    const auto one = as<PublishClusterCommand>({"publish", "kubernetes", "prod", "--namespace", "db", "--server",
                                                "https://10.96.0.1:443", "--token-file", "/t", "--ca-file", "/ca",
                                                "--publisher", "p", "--dry-run", "--json"});
    CHECK(one.common.link == "prod");
    CHECK(one.common.follow_health);
    CHECK(one.cluster.space == "db");
    CHECK(one.common.dry_run);
    CHECK_FALSE(one.ack_dns);
    CHECK(as<PublishClusterCommand>({"publish", "--to", "kubernetes", "--keep"}).keep);
    CHECK(as<PublishClusterCommand>({"publish", "--to", "ack-dns"}).ack_dns);
    for (const auto& words : std::vector<std::vector<const char*>>{{"publish", "kubernetes", "--keep", "--undo"},
                                                                   {"publish", "kubernetes", "--keep", "--dry-run"},
                                                                   {"publish", "kubernetes", "--namespace", "Upper"},
                                                                   {"publish", "kubernetes", "--server", "ftp://x"}})
        CHECK(printed(words).code == kExitUnknown);
}
