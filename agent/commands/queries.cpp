// SPDX-License-Identifier: Apache-2.0
// `postern queries`: the resolver's query log, a sample of this host's queries. Off unless [dns]
// query_log_sample is set.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdio>

#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/cli.h"
#include "agent/config/paths.h"
#include "agent/text/dns_text.h"
#include "agent/text/terminal.h"
#include "core/query_log.h"

namespace postern::agent {

namespace {

using core::QueryRecord;

constexpr Micros kFollowPause = 500 * core::kMillisecond;

core::ByteView name_of(const QueryRecord& r) {
    return {r.name.data(), r.name_size};
}

std::string client_of(const QueryRecord& r) {
    return (r.family == 6 ? core::IpAddress::v6(r.client) : core::IpAddress::v4(core::load_be32(r.client.data())))
        .text();
}

std::string json_line(const QueryRecord& r) {
    const nlohmann::ordered_json line = {
        {"seq", r.seq},
        {"ts", core::format_utc(r.wall_us)},
        {"client", client_of(r)},
        {"proto", r.proto == static_cast<std::uint8_t>(core::Proto::kTcp) ? "tcp" : "udp"},
        {"name", r.name_size == 0 ? "" : name_text(name_of(r))},
        {"type", r.name_size == 0 ? "" : type_text(r.type)},
        {"class", r.klass},
        {"rcode", rcode_text(r.rcode)},
        {"source", core::to_string(static_cast<core::Source>(r.source))},
        {"took_us", r.took_us}};
    return core::printable_json(line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)) + "\n";
}

std::string text_line(const QueryRecord& r, const Paint& paint) {
    const std::string rcode = pad(rcode_text(r.rcode), 8);
    const bool fine = r.rcode == 0 || r.rcode == 3;
    return fmt::format(
        "{}  {}  {}  {}  {}{}  {}\n", paint.dim(core::format_time(r.wall_us, 3)), pad(client_of(r), 9),
        fine ? rcode : paint.red(rcode), pad(core::to_string(static_cast<core::Source>(r.source)), 8),
        pad_left(fmt::format("{:.2f} ms", static_cast<double>(r.took_us) / 1000), 10),
        r.proto == static_cast<std::uint8_t>(core::Proto::kTcp) ? " tcp" : "",
        r.name_size == 0 ? told("(no readable question)") : pad(type_text(r.type), 5) + " " + name_text(name_of(r)));
}

core::Error explain(const core::Error& error, const DnsConfig& dns) {
    if (error.code == core::Code::kFileMissing && dns.query_log_sample == 0) {
        return {core::Code::kFileMissing, "the query log is off",
                "set query_log_sample = 1 under [dns] to keep each query, 100 for one of 100", 0};
    }
    if (error.code == core::Code::kFileMissing) {
        return {core::Code::kFileMissing, "there is no query log yet",
                "the resolver makes it with the first query of the sample: postern status shows whether it is running",
                0};
    }
    if (error.code == core::Code::kFileUnreadable)
        return {error.code, error.what, "it belongs to the user of postern-resolver: run this as root", error.sys};
    return error;
}

}  // namespace

int run_command(const QueriesCommand& command) {
    const auto config = config_or_complain("queries", command.config);
    if (!config) return kExitUnknown;
    const std::string path = core::query_log_path(paths_of(config->agent).stats);
    const Paint paint(colour_wanted());
    std::uint64_t seen = 0;
    const auto show = [&](const core::QueryLog& log, std::size_t most) {
        // Numbers restart with the resolver.
        if (!log.records.empty() && log.records.back().seq < seen) seen = 0;
        std::size_t skip = log.records.size() > most ? log.records.size() - most : 0;
        for (const QueryRecord& r : log.records) {
            if (skip > 0) {
                --skip;
            } else if (r.seq > seen) {
                command.json ? print_data(json_line(r)) : print(text_line(r, paint));
            }
        }
        if (!log.records.empty()) seen = log.records.back().seq;
    };

    auto log = core::read_query_log(path);
    if (!log &&
        !(command.follow && log.error().code == core::Code::kFileMissing && config->dns.query_log_sample != 0)) {
        complain("queries", explain(log.error(), config->dns));
        return kExitUnknown;
    }
    if (log) show(*log, command.count);
    if (!command.follow) return kExitGood;
    Interruptible interruptible;
    while (std::ferror(stdout) == 0 && interruptible.sleep(kFollowPause)) {
        log = core::read_query_log(path);
        if (log) show(*log, core::QueryLogFile::kSlots);
    }
    return kExitGood;
}

}  // namespace postern::agent
