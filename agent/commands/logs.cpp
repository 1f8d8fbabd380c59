// `postern logs`: the probe log, filtered, for people or machines.
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <ctime>

#include "agent/cli.h"
#include "agent/commands/common.h"
#include "agent/terminal.h"
#include "core/loop.h"
#include "probe/probe_log.h"

namespace postern::agent {

namespace {

using probe::Record;
using probe::State;

constexpr std::size_t kDefaultCount = 50;
constexpr Micros kFollowPause = 200 * core::kMillisecond;

std::string local_time(Micros wall_us) {
    const std::time_t seconds = wall_us / core::kSecond;
    std::tm tm{};
    localtime_r(&seconds, &tm);
    char text[32];
    std::strftime(text, sizeof text, "%b %d %H:%M:%S", &tm);
    return fmt::format("{}.{:03}", text, wall_us % core::kSecond / 1000);
}

std::string milliseconds(Micros us) { return fmt::format("{:.1f} ms", static_cast<double>(us) / 1000); }

class Line {
  public:
    Line(LogsCommand::Format format, bool colour) : format_(format), paint_(colour) {}

    std::string of(const Record& r) {
        if (format_ == LogsCommand::Format::kJson) return probe::to_json(r) + "\n";
        link_ = std::max(link_, r.link.size());
        ip_ = std::max(ip_, r.ip.text().size());
        std::string out = fmt::format("{}  {}  {}  ", paint_.dim(local_time(r.wall_us)), pad(printable(r.link), link_), pad(r.ip.text(), ip_));
        const bool wide = format_ == LogsCommand::Format::kWide;
        if (wide) {
            zone_ = std::max(zone_, r.zone.size());
            out += pad(printable(r.zone), zone_) + "  ";
        }
        out += state(r) + "  ";
        if (r.ok) {
            out += pad_left(milliseconds(r.total_us), 9);
        } else if (r.reason == probe::Reason::kTokenMissing) {
            out += fmt::format("{}  token_missing", pad_left(milliseconds(r.total_us), 9));
        } else {
            out += fmt::format("{} after {}: {}", paint_.red(probe::to_string(r.reason)), milliseconds(r.total_us), probe::to_string(r.phase));
        }
        if (wide) out += details(r);
        return out + "\n";
    }

  private:
    std::string painted(State s, const std::string& word) const {
        return s == State::kUp ? paint_.green(word) : s == State::kDown ? paint_.red(word) : s == State::kDegraded ? paint_.yellow(word) : word;
    }

    /// "up", or "up → down" where it changed.
    std::string state(const Record& r) const {
        if (!r.transition()) return painted(r.state, pad(probe::to_string(r.state), 8));
        return paint_.bold(fmt::format("{} → ", probe::to_string(r.prev_state))) + painted(r.state, std::string(probe::to_string(r.state)));
    }

    std::string details(const Record& r) const {
        std::string out;
        for (std::size_t i = 0; i < probe::kTimedPhases; ++i) {
            if (r.phase_us[i]) out += fmt::format(" {}={:.1f}", probe::to_string(static_cast<probe::Phase>(i)), static_cast<double>(*r.phase_us[i]) / 1000);
        }
        if (r.http_status) out += fmt::format(" http={}", *r.http_status);
        if (r.sql_code) out += fmt::format(" code={}", *r.sql_code);
        out += fmt::format(" path={} service={}", probe::to_string(r.path), probe::to_string(r.service));
        if (r.cert_not_after_us > 0) out += " cert_until=" + core::format_utc(r.cert_not_after_us).substr(0, 10);
        if (!r.detail.empty()) out += " " + printable(r.detail);
        return out;
    }

    LogsCommand::Format format_;
    Paint paint_;
    std::size_t link_ = 0, ip_ = 9, zone_ = 0;
};

/// 0, or the exit code after it was said why the log can't be read.
int check_readable(const std::string& path, const LogsCommand& command) {
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0 || command.follow) {
        if (::access(path.c_str(), R_OK) == 0 || errno == ENOENT) return kExitGood;
    }
    const int error = errno;
    complain("logs", core::Error{core::Code::kFileUnreadable, "can't read " + path,
                                 error == EACCES ? "it belongs to the user postern: run this as root"
                                                 : "the agent makes it with its first probe: postern status", error});
    return kExitUnknown;
}

}  // namespace

int run_command(const LogsCommand& command) {
    const auto config = config_or_complain("logs", command.config);
    if (!config) return kExitUnknown;
    const std::string path = paths_of(config->agent).probe_log;
    if (const int code = check_readable(path, command); code != kExitGood) return code;

    probe::ProbeLogReader reader(path);
    const bool everything = !command.count && command.filter.since_wall_us > 0;
    if (!everything) reader.seek_last(command.filter, command.count.value_or(kDefaultCount));
    Line line(command.format, colour_wanted());
    std::string out;
    while (const auto record = reader.next(command.filter)) {
        out += line.of(*record);
        if (out.size() > 64 * 1024) {
            print(out);
            out.clear();
        }
        if (std::ferror(stdout) != 0) return kExitGood;  // the reader of the pipe has seen enough
    }
    print(out);
    if (!command.follow) {
        if (reader.skipped() > 0) complain("logs", fmt::format("{} lines of {} are no records and were skipped", reader.skipped(), path));
        return kExitGood;
    }
    Interruptible interruptible;
    while (std::ferror(stdout) == 0 && core::now_wall_us() < command.filter.until_wall_us) {
        while (const auto record = reader.next(command.filter)) print(line.of(*record));
        if (!interruptible.sleep(kFollowPause)) break;
    }
    return kExitGood;
}

}  // namespace postern::agent
