// SPDX-License-Identifier: Apache-2.0
// The options of `postern logs` and `postern queries`: what is shown of what was kept.
#include <ctime>
#include <memory>

#include "agent/commands/cli_builder.h"
#include "agent/text/values.h"

namespace postern::agent {

namespace {

constexpr std::size_t kMostLines = 1'000'000'000;

/// "" or what is wrong.
core::Message read_count(const std::string& text, std::size_t& out) {
    return read_number(text, std::size_t{0}, kMostLines, out);
}

/// Parses a time: "1h" (ago), RFC 3339 in UTC, or a local date or time as in the logs.
std::optional<Micros> parse_when(const std::string& text, Micros now_wall_us) {
    if (const auto ago = parse_duration(text)) return now_wall_us - *ago;
    if (const Micros utc = core::parse_utc(text); utc >= 0) return utc;
    for (const char* format :
         {"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%H:%M:%S", "%H:%M"}) {
        const std::time_t now = now_wall_us / core::kSecond;
        std::tm tm{};
        localtime_r(&now, &tm);
        tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
        tm.tm_isdst = -1;
        const char* end = strptime(text.c_str(), format, &tm);
        if (end != nullptr && *end == '\0') return static_cast<Micros>(std::mktime(&tm)) * core::kSecond;
    }
    return std::nullopt;
}

template <class T>
CLI::App* add(CLI::App& root, const char* name, const char* help, std::shared_ptr<T> command, const Chosen& chosen) {
    CLI::App* app = root.add_subcommand(name, help);
    add_config(app, command->config);
    app->callback([command, chosen] { chosen(*command); });
    return app;
}

std::function<core::Message(const std::string&)> when(std::shared_ptr<LogsCommand> c, Micros now,
                                                      Micros probe::RecordFilter::*member) {
    return [c, member, now](const std::string& text) -> core::Message {
        const auto at = parse_when(text, now);
        if (at) c->filter.*member = *at;
        return at ? "" : "is not a time: expected 1h, 2026-01-02T03:04:05Z or \"2026-01-02 11:04\"";
    };
}

void add_logs(CLI::App& root, Micros now, const Chosen& chosen) {
    auto c = std::make_shared<LogsCommand>();
    CLI::App* app = add(
        root, "logs", "Probe records from the log, oldest first: failures, changes of state, and samples of successes.",
        c, chosen);
    app->add_flag("-f,--follow", c->follow, "continue with new records, until Ctrl-C");
    add_read(app, "-n,--lines", "how many of the last records (default 50; with --since all)", "N",
             [c](const std::string& text) { return read_count(text, c->count.emplace()); });
    add_read(app, "--since", "from then on: 1h, 2026-01-02T03:04:05Z, \"2026-01-02 11:04\", 11:04", "TIME",
             when(c, now, &probe::RecordFilter::since_wall_us));
    add_read(app, "--until", "up to then", "TIME", when(c, now, &probe::RecordFilter::until_wall_us));
    app->add_option("--link", c->filter.link, "only this link")->type_name("LINK");
    add_read(app, "--ip", "only this address", "IP", [c](const std::string& text) -> core::Message {
        c->filter.ip = core::IpAddress::parse(text);
        return c->filter.ip ? "" : "is not an IP address";
    });
    add_read(app, "--state", "only records with this state: up, degraded, down, unknown", "STATE",
             [c](const std::string& text) -> core::Message {
                 c->filter.state = probe::parse_state(text);
                 return c->filter.state ? "" : "is not a state: up, degraded, down, unknown";
             });
    add_read(app, "--reason", "only this reason of failure, such as tcp_timeout", "REASON",
             [c](const std::string& text) -> core::Message {
                 c->filter.reason = probe::parse_reason(text);
                 if (c->filter.reason) return "";
                 std::vector<std::string_view> all;
                 for (int r = 1; r < static_cast<int>(probe::Reason::kCount); ++r)
                     all.push_back(probe::to_string(static_cast<probe::Reason>(r)));
                 const auto meant = nearest(text, all);
                 return meant ? core::message("is not a reason; did you mean {}?", std::string(*meant))
                              : "is not a reason, such as tcp_timeout or cert_expired";
             });
    add_read(app, "-o,--output", "short (default), wide or json", "FORMAT",
             [c](const std::string& text) -> core::Message {
                 using Format = LogsCommand::Format;
                 c->format = text == "wide" ? Format::kWide : text == "json" ? Format::kJson : Format::kShort;
                 return text == "short" || text == "wide" || text == "json" ? "" : "is not short, wide or json";
             });
}

void add_queries(CLI::App& root, const Chosen& chosen) {
    auto c = std::make_shared<QueriesCommand>();
    CLI::App* app = add(root, "queries",
                        "The queries that the resolver received, oldest first, as far as its query log keeps them:\n"
                        "[dns] query_log_sample = N keeps one of N, the last 1024; 0, the default, keeps none.",
                        c, chosen);
    app->add_flag("-f,--follow", c->follow, "continue with new queries, until Ctrl-C");
    add_read(app, "-n,--lines", "how many of the last queries (default 50)", "N",
             [c](const std::string& text) { return read_count(text, c->count); });
    app->add_flag("--json", c->json, "one JSON object a line");
}

}  // namespace

void add_log_commands(CLI::App& root, Micros now_wall_us, const Chosen& chosen) {
    add_logs(root, now_wall_us, chosen);
    add_queries(root, chosen);
}

}  // namespace postern::agent
