// SPDX-License-Identifier: Apache-2.0
// `postern logs`: the probe log, filtered, as text or JSON. The file has every failure and change but only
// samples of the successes; a running agent adds recent records from its memory, and the history adds failures
// that were rotated away.
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <tuple>
#include <vector>

#include "agent/client/agent_client.h"
#include "agent/client/console.h"
#include "agent/commands/cli.h"
#include "agent/config/paths.h"
#include "agent/text/terminal.h"
#include "agent/text/values.h"
#include "core/file_system.h"
#include "core/loop.h"
#include "core/secret.h"
#include "core/text.h"
#include "probe/history_reader.h"
#include "probe/probe_log.h"

namespace postern::agent {

namespace {

using probe::Record;
using probe::State;

constexpr std::size_t kDefaultCount = 50;
constexpr std::size_t kMaxFromAgent = 1000;
constexpr Micros kFollowPause = 500 * core::kMillisecond;
constexpr Micros kAgentPatience = core::kSecond;
constexpr Micros kOverlap = 30 * core::kSecond;  // a record is written when its attempt ends, its time is the start

class Line {
  public:
    Line(LogsCommand::Format format, bool colour) : format_(format), paint_(colour) {}

    std::string of(const Record& r) {
        if (format_ == LogsCommand::Format::kJson) return probe::to_json(r) + "\n";
        link_ = std::max(link_, r.link.size());
        ip_ = std::max(ip_, r.ip.text().size());
        std::string out = fmt::format("{}  {}  {}  ", paint_.dim(core::format_time(r.wall_us, 3)),
                                      pad(printable(r.link), link_), pad(r.ip.text(), ip_));
        const bool wide = format_ == LogsCommand::Format::kWide;
        if (wide) {
            zone_ = std::max(zone_, r.zone.size());
            out += pad(printable(r.zone), zone_) + "  ";
        }
        out += state(r) + "  ";
        if (r.ok) {
            out += pad_left(core::milliseconds(r.total_us), 9);
        } else if (r.reason == probe::Reason::kTokenMissing) {
            out += fmt::format("{}  token_missing", pad_left(core::milliseconds(r.total_us), 9));
        } else {
            out += fmt::format("{} after {}: {}", paint_.red(probe::to_string(r.reason)),
                               core::milliseconds(r.total_us), probe::to_string(r.phase));
        }
        if (wide) out += details(r);
        return out + "\n";
    }

  private:
    std::string painted(State s, const std::string& word) const {
        return s == State::kUp         ? paint_.green(word)
               : s == State::kDown     ? paint_.red(word)
               : s == State::kDegraded ? paint_.yellow(word)
                                       : word;
    }

    /// "up", or "up → down" if it changed.
    std::string state(const Record& r) const {
        if (!r.transition()) return painted(r.state, pad(probe::to_string(r.state), 8));
        return paint_.bold(fmt::format("{} → ", probe::to_string(r.prev_state))) +
               painted(r.state, std::string(probe::to_string(r.state)));
    }

    std::string details(const Record& r) const {
        std::string out;
        for (std::size_t i = 0; i < probe::kTimedPhases; ++i) {
            if (r.phase_us[i])
                out += fmt::format(" {}={:.1f}", probe::to_string(static_cast<probe::Phase>(i)),
                                   static_cast<double>(*r.phase_us[i]) / 1000);
        }
        if (r.ws_us) out += " ws=" + core::in_ms(*r.ws_us);
        if (r.http_status) out += fmt::format(" http={}", *r.http_status);
        if (r.sql_code) out += fmt::format(" code={}", *r.sql_code);
        out += fmt::format(" path={} service={}", probe::to_string(r.path), probe::to_string(r.service));
        if (r.cert_not_after_us > 0) out += " cert_until=" + core::format_time(r.cert_not_after_us);
        if (!r.detail.empty()) out += " " + printable(r.detail);
        return out;
    }

    LogsCommand::Format format_;
    Paint paint_;
    std::size_t link_ = 0, ip_ = 9, zone_ = 0;
};

/// 0, or the exit code after reporting why the log can't be read.
int check_readable(const std::string& path, const std::string& history, const LogsCommand& command) {
    if (::access(path.c_str(), R_OK) == 0) return kExitGood;
    const int error = errno;
    if (error == ENOENT && (command.follow || ::access(history.c_str(), R_OK) == 0)) return kExitGood;
    complain("logs", core::Error{core::Code::kFileUnreadable, core::message("can't read {}", path),
                                 error == EACCES ? "it belongs to the user postern: run this as root"
                                                 : "the agent makes it with its first probe: postern status",
                                 error});
    return kExitUnknown;
}

/// The running agent's records; none if there is no answer.
std::vector<Record> from_agent(const Config& config, const probe::RecordFilter& filter, std::size_t limit) {
    std::string query = fmt::format("/api/v1/probes?limit={}", std::clamp<std::size_t>(limit, 1, kMaxFromAgent));
    if (!filter.link.empty()) query += "&link=" + core::percent_encode(filter.link);
    if (filter.ip) query += "&ip=" + core::percent_encode(filter.ip->text());
    if (filter.since_wall_us > 0) query += "&since=" + core::percent_encode(core::format_utc(filter.since_wall_us));
    if (filter.until_wall_us < core::kNever)
        query += "&until=" + core::percent_encode(core::format_utc(filter.until_wall_us));
    if (filter.state) query += fmt::format("&state={}", probe::to_string(*filter.state));
    if (filter.reason) query += fmt::format("&reason={}", probe::to_string(*filter.reason));
    std::vector<Record> out;
    if (core::LockFile::holder(paths_of(config.agent).agent_lock) == 0) return out;
    const auto reply = ask_agent(config, "GET", query, kAgentPatience);
    if (!reply || reply->status != 200) return out;
    std::string_view body = reply->body;
    while (!body.empty()) {  // one record per line
        const auto end = std::min(body.find('\n'), body.size());
        std::string_view line = body.substr(0, end);
        body.remove_prefix(std::min(end + 1, body.size()));
        if (!line.empty() && line.back() == ',') line.remove_suffix(1);
        if (const auto record = probe::parse_record(line); record && filter.matches(*record)) out.push_back(*record);
    }
    return out;
}

/// The failures in the history, also those rotated out of the log.
std::vector<Record> from_history(const std::string& path, const probe::RecordFilter& filter) {
    auto found = probe::failures_in_file(path, filter);
    if (found) return std::move(*found);
    if (found.error().code != core::Code::kFileMissing)
        complain("logs", core::message("{} is left out: {}", path, found.error().whole()));
    return {};
}

/// Merges all sources: each record once, in the order of time. Of duplicates the first is taken.
class Series {
  public:
    /// The new ones among these, oldest first.
    std::vector<Record> add(std::vector<Record> records) {
        std::erase_if(records, [&](const Record& r) { return !seen_.insert({r.wall_us, r.link, r.ip}).second; });
        std::sort(records.begin(), records.end(), [](auto& a, auto& b) { return key(a) < key(b); });
        if (!records.empty()) newest_ = std::max(newest_, records.back().wall_us);
        while (!seen_.empty() && std::get<0>(*seen_.begin()) < newest_ - 2 * kOverlap)
            seen_.erase(seen_.begin());
        return records;
    }
    /// The time from which the agent is asked again.
    Micros since() const { return newest_ - kOverlap; }

  private:
    using Key = std::tuple<Micros, std::string, core::IpAddress>;
    static Key key(const Record& r) { return {r.wall_us, r.link, r.ip}; }

    std::set<Key> seen_;
    Micros newest_ = core::now_wall_us();
};

}  // namespace

int run_command(const LogsCommand& command) {
    const auto config = config_or_complain("logs", command.config);
    if (!config) return kExitUnknown;
    const std::string path = paths_of(config->agent).probe_log, history = paths_of(config->agent).history;
    if (const int code = check_readable(path, history, command); code != kExitGood) return code;

    probe::ProbeLogReader reader(path);
    const bool everything = !command.count && command.filter.since_wall_us > 0;
    const std::size_t count = command.count.value_or(kDefaultCount);
    if (!everything) reader.seek_last(command.filter, count);
    std::vector<Record> records =
        from_agent(*config, command.filter, everything || command.follow ? kMaxFromAgent : count);
    while (const auto record = reader.next(command.filter))
        records.push_back(*record);
    for (auto& failure : from_history(history, command.filter))
        records.push_back(std::move(failure));  // last: long details are cut
    Series series;
    records = series.add(std::move(records));
    if (!everything && records.size() > count)
        records.erase(records.begin(), records.end() - static_cast<std::ptrdiff_t>(count));

    // A link that is not configured any more may have records.
    const auto named = [&](const LinkConfig& link) { return link.name == command.filter.link; };
    if (records.empty() && !command.filter.link.empty() &&
        std::none_of(config->links.begin(), config->links.end(), named)) {
        const std::string names = core::joined(config->links, [](const LinkConfig& link) { return link.name; });
        complain("logs",
                 core::Error{core::Code::kUsage, core::message("there is no link {}", shown(command.filter.link)),
                             names.empty() ? "the configuration has none" : core::message("there are: {}", names), 0});
        return kExitUnknown;
    }
    Line line(command.format, colour_wanted());
    const auto show = [&](const std::string& text) {
        command.format == LogsCommand::Format::kJson ? print_data(text) : print(text);
    };
    std::string out;
    for (const auto& record : records) {
        out += line.of(record);
        if (out.size() > 64 * 1024) {
            show(out);
            out.clear();
        }
        if (std::ferror(stdout) != 0) return kExitGood;  // the reader closed the pipe
    }
    show(out);
    if (!command.follow) {
        if (reader.skipped() > 0)
            complain("logs", core::message("{} lines of {} are not records and were skipped", reader.skipped(), path));
        return kExitGood;
    }
    Interruptible interruptible;
    while (std::ferror(stdout) == 0 && core::now_wall_us() < command.filter.until_wall_us) {
        probe::RecordFilter recent = command.filter;
        recent.since_wall_us = std::max(recent.since_wall_us, series.since());
        std::vector<Record> more = from_agent(*config, recent, kMaxFromAgent);
        while (const auto record = reader.next(command.filter))
            more.push_back(*record);
        for (const auto& record : series.add(std::move(more)))
            show(line.of(record));
        if (!interruptible.sleep(kFollowPause)) break;
    }
    return kExitGood;
}

}  // namespace postern::agent
