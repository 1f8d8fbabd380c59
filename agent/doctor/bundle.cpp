// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/bundle.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>

#include "agent/client/agent_client.h"
#include "agent/client/console.h"
#include "agent/config/last_good.h"
#include "agent/config/paths.h"
#include "agent/doctor/archive.h"
#include "agent/doctor/report.h"
#include "agent/doctor/scrub.h"
#include "agent/doctor/scrub_files.h"
#include "agent/hostdns/decision.h"
#include "agent/hostdns/instance.h"
#include "agent/hostdns/report.h"
#include "agent/net/libraries.h"
#include "agent/net/process_runner.h"
#include "agent/status/reported.h"
#include "agent/status/warning.h"
#include "core/file_system.h"
#include "core/loop.h"
#include "core/text.h"

namespace postern::agent::doctor {

namespace {

constexpr std::size_t kMaxPart = 2u << 20;     // of one file in the archive
constexpr std::size_t kMaxSource = 32u << 20;  // of a file of which only the end is kept
constexpr std::size_t kMaxHostName = 63;
constexpr core::Micros kCommandTime = 5 * core::kSecond;
constexpr const char* kFolder = "postern-bundle/";
constexpr const char* kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the host says of itself: {file, what it is, commands}.
struct Asked {
    const char *name, *about;
    std::vector<std::vector<std::string>> commands;
};
const std::vector<Asked>& asked() {
    static const std::vector<Asked> kAsked = {
        {"network.txt",
         "addresses, routes and rules",
         {{"ip", "-brief", "address"},
          {"ip", "address"},
          {"ip", "rule"},
          {"ip", "-6", "rule"},
          {"ip", "route", "show", "table", "all"},
          {"ip", "-6", "route", "show", "table", "main"}}},
        {"nft.txt", "the firewall's rules, without their comments", {{"nft", "list", "ruleset"}, {"iptables-save"}}},
        {"units.txt",
         "the states of postern's units",
         {{"systemctl", "--no-pager", "--all", "list-units", "postern*"},
          {"systemctl", "--no-pager", "list-unit-files", "postern*"},
          {"systemctl", "--no-pager", "show", "-p",
           "Id,ActiveState,SubState,Result,ExecMainStatus,NRestarts,User,LimitNOFILE,MemoryCurrent,FragmentPath,DropInPaths",
           "postern.service", "postern-resolver.service", "postern-resolver.socket", "postern-rescue.service"}}},
        {"time.txt", "the clock", {{"timedatectl"}, {"timedatectl", "timesync-status"}, {"chronyc", "-n", "tracking"}}},
        {"resolved.txt",
         "systemd-resolved's servers",
         {{"resolvectl", "--no-pager", "status"}, {"resolvectl", "statistics"}}},
        {"sockets.txt", "counts of sockets, and who listens", {{"ss", "-s"}, {"ss", "-lnptu"}}},
    };
    return kAsked;
}

std::string first_line(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

class Bundle {
  public:
    Bundle(const Request& request, const Findings& findings) : request_(request), findings_(findings) {
        if (request.bare()) return;
        text_ = core::read_file(request.target.config, kMaxPart);
        if (auto usable = load_usable_config(request.target.config)) config_ = std::move(usable->config);
    }

    std::string make(core::Micros wall_us) {
        const auto secrets = known_secrets(config_, text_ ? *text_ : "");
        add_report();
        add_config();
        add_from_agent();
        add_state();
        add_host();
        add_asked();
        add_logs();
        add_versions();
        files_.insert(files_.begin(), {std::string(kFolder) + "README.txt", readme(wall_us)});
        return tar_gz(files_, wall_us);
    }

  private:
    /// `about` goes into the README. A text that is too long loses its beginning: the end is the newest.
    void add(const std::string& name, const std::string& about, std::string_view text) {
        std::string clean = scrub(text);  // whole, before cutting: a cut secret would not be recognised
        const bool cut = clean.size() > kMaxPart;
        if (cut) clean.erase(0, clean.size() - kMaxPart);
        contents_ +=
            fmt::format("  {:<14}{}{}\n", name, about, cut ? fmt::format(", the last {} MiB", kMaxPart >> 20) : "");
        files_.push_back({kFolder + name, std::move(clean)});
    }
    void miss(const std::string& name, const std::string& about, const std::string& why) {
        contents_ += fmt::format("  {:<14}{}: not here: {}\n", name, about, scrub(why));
    }
    template <class Text>
    void add_or_miss(const std::string& name, const std::string& about, const core::Result<Text>& text) {
        if (text)
            add(name, about, *text);
        else
            miss(name, about, text.error().text());
    }

    void add_report() {
        const auto& words = Catalogue::in(Language::kEnglish);
        add("doctor.txt", "what postern doctor found",
            text_of(findings_, words, Paint(false), 100) + "\n" + verdict_text(findings_, words, Paint(false)) + "\n");
        add("doctor.json", "the same as JSON", json_of(findings_, words));
    }

    void add_config() {
        const std::string about = request_.target.config + ", values of known keys only";
        if (request_.bare()) return miss("postern.toml", "the configuration", "the target came from the command line");
        if (!text_) return miss("postern.toml", about, text_.error().text());
        add("postern.toml", about, scrub_config(*text_));
    }

    void add_from_agent() {
        struct Page {
            const char *name, *path, *about;
        };
        std::string why = request_.bare() ? "the target came from the command line" : "";
        for (const Page& page :
             {Page{"status.json", "/api/v1/status", "the agent's status"},
              Page{"health.json", "/health", "its verdict"}, Page{"metrics.txt", "/metrics", "its counters"}}) {
            if (why.empty()) {
                const auto reply = ask_agent(config_, "GET", page.path, 5 * core::kSecond);
                if (reply)
                    add(page.name, page.about, reply->body);
                else
                    why = reply.error().text();
            }
            if (!why.empty()) miss(page.name, page.about, why);
        }
    }

    void add_state() {
        const Paths paths = paths_of(config_.agent);
        const auto state_file = [](const std::string& path, std::size_t limit) -> core::Result<std::string> {
            const auto text = core::read_file(path, limit);
            if (!text) return core::fail(text.error());
            return scrub_state(*text);
        };
        add_or_miss("snapshot.json", "the last known addresses", state_file(paths.snapshot, kMaxSource));
        add_or_miss("hostdns.json", "what was changed on this host", state_file(paths.hostdns, kMaxPart));
        add_plan("plan", "the resolver's plan (postern plan show FILE)", paths.current_plan);
        add_plan("plan.durable", "the same, over a reboot", paths.durable_plan);
    }

    /// Binary: kept byte for byte. It contains no secrets.
    void add_plan(const std::string& name, const std::string& about, const std::string& path) {
        const auto plan = core::read_file(path, kMaxSource);
        if (!plan) return miss(name, about, plan.error().text());
        contents_ += fmt::format("  {:<14}{}\n", name, about);
        files_.push_back({kFolder + name, core::redact(*plan)});
    }

    void add_host() {
        const auto host = HostSystem::real();
        std::vector<std::string> names = config_.hosts();
        if (names.empty() && !request_.target.host.empty()) names.push_back(request_.target.host);
        const Paths paths = paths_of(config_.agent);
        const auto report = report_host_dns(*host, JournalFile(paths.hostdns).load(),
                                            load_path_look(paths.host_path, core::now_wall_us()), names);
        const HostFacts facts = gather_facts(*host);
        std::string dns = fmt::format("takeover  {}\ndecision  {}\nresolv.conf is {}\n", report.text(),
                                      decide(facts, Mode::kAuto).line, facts.resolv_conf_path);
        for (const auto& fault : host_faults(report, {}))
            dns += "! " + warning_text(fault) + "\n";
        add("dns.txt", "who owns this host's DNS", dns);
        for (const char* name : {"resolv.conf", "nsswitch.conf"}) {
            const std::string path = std::string("/etc/") + name;
            const auto text = host->read(path);
            if (text)
                add(name, path + ", without comments",
                    path.ends_with("resolv.conf") ? scrub_resolv_conf(*text) : scrub_nsswitch(*text));
            else
                miss(name, path, "it can't be read");
        }
        // Other lines are not needed.
        std::string lines;
        for (const auto& line : report.hosts)
            lines += fmt::format("{}: {}\n", line.line, line.text);
        add("hosts", "the lines of /etc/hosts about the private names, with their numbers", lines);
    }

    /// Each command with its bounds; one that fails is named with the reason.
    void add_asked() {
        core::Loop loop;
        {
            core::SystemClock clock(loop);
            const Environment environment = [](const std::string& name) {
                return name == "PATH" ? kPath : std::string(name == "LANG" ? "C" : "");
            };
            ProcessRunner runner(loop, clock, environment, kCommandTime, kMaxPart);
            for (const Asked& file : asked()) {
                std::string text;
                for (const auto& argv : file.commands) {
                    std::optional<core::Result<std::string>> done;
                    runner.run(argv, [&done](core::Result<std::string> output) { done = std::move(output); });
                    while (!done && loop.run_once()) {
                    }
                    text += "$ " + core::joined(argv, " ") + "\n";
                    text += done && *done ? **done
                                          : "(" + (done ? done->error().what.text() : std::string("no answer")) + ")\n";
                    text += "\n";
                }
                add(file.name, file.about, scrub_rules(text));
            }
        }
        loop.close();
    }

    void add_logs() {
        add_or_miss("probe.log", "probe records", core::read_file(paths_of(config_.agent).probe_log, kMaxSource));
        const auto journal = HostSystem::real()->ask(
            {"journalctl", "--no-pager", "--quiet", "-o", "short-iso", "-n", "1000", "-u", "postern*"});
        if (journal.ok())
            add("journal.log", "the units' last 1000 log lines", journal.output);
        else
            miss("journal.log", "the units' last log lines",
                 journal.exit == 127 ? "no systemd journal" : first_line(journal.output));
    }

    void add_versions() {
        utsname u{};
        ::uname(&u);
        std::string out = fmt::format("postern {}\nhost {}\n{} {} {}\nuser {}\n\n", POSTERN_VERSION, host_name(),
                                      u.sysname, u.release, u.machine, ::geteuid());
        out += core::read_file("/etc/os-release", kMaxPart).value_or("no /etc/os-release\n") + "\n";
        out += library_lines();
        add("versions.txt", "of postern, kernel, system and libraries", out);
    }

    std::string readme(core::Micros wall_us) const {
        return fmt::format(
            "postern doctor --bundle, {}\n\n{}\n"
            "Replaced by ***: the tokens, keys and passwords that postern itself has, wherever they are; comments and\n"
            "values of unknown keys in files; in every text what follows a name of a secret (password, token, secret,\n"
            "key, cookie, also in Chinese), Authorization, Bearer, Basic and curl -u; users and query values of URLs;\n"
            "PEM blocks; AccessKey IDs, JWTs, and runs of 32 letters and digits. A secret in none of these forms is\n"
            "not recognised. Names, addresses and paths of this host are in it: read it before you send it.\n",
            core::format_time(wall_us), contents_);
    }

    const Request& request_;
    const Findings& findings_;
    Config config_;
    core::Result<std::string> text_ = core::fail(core::Code::kFileMissing, "no configuration");
    std::vector<ArchiveFile> files_;
    std::string contents_;
};

}  // namespace

std::string bundle_name(std::string_view host, core::Micros wall_us) {
    std::string name;
    for (const char c : host.substr(0, kMaxHostName)) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        name += plain || (c == '.' && !name.empty()) ? c : '-';
    }
    return fmt::format("postern-bundle-{}-{}.tar.gz", name.empty() ? "host" : name, file_stamp(wall_us));
}

core::Result<void> check_bundle_path(const std::string& path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) == 0)
        return core::fail(core::Code::kFileWrite, core::message("{} exists", path),
                          "give the bundle another name: --bundle FILE");
    const std::string folder = core::folder_of(path);
    if (::access(folder.c_str(), W_OK | X_OK) == 0) return {};
    return core::fail(core::Code::kFileWrite, core::message("cannot write into {}", folder),
                      "give the bundle another place: --bundle FILE", errno);
}

core::Result<std::size_t> write_bundle(const std::string& path, const Request& request, const Findings& findings) {
    const std::string archive = Bundle(request, findings).make(core::now_wall_us());
    if (const auto written = core::write_file(path, core::as_bytes(archive), 0600, true); !written)
        return core::fail(written.error());
    return archive.size();
}

}  // namespace postern::agent::doctor
