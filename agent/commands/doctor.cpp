// SPDX-License-Identifier: Apache-2.0
// `postern doctor`: checks the whole chain.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/cli.h"
#include "agent/config/last_good.h"
#include "agent/doctor/bundle.h"
#include "agent/doctor/chain.h"
#include "agent/doctor/repair.h"
#include "agent/doctor/report.h"
#include "agent/faults/codes.h"
#include "agent/hostdns/instance.h"
#include "agent/net/environment.h"
#include "agent/text/charset.h"
#include "agent/text/values.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/secret.h"

namespace postern::agent {

namespace {

/// "" or the name among `names` that is neither a step nor a code.
std::string unknown_among(const std::vector<std::string>& names) {
    for (const auto& name : names) {
        bool known = doctor::find_code(name) != nullptr;
        for (int s = 0; s < static_cast<int>(doctor::Step::kCount) && !known; ++s) {
            const auto step = static_cast<doctor::Step>(s);
            known = name == to_string(step) || name == doctor::step_code(step);
        }
        if (!known) return name;
    }
    return "";
}

/// While the observations exist, and with them the known secrets.
doctor::Findings redacted(doctor::Findings findings) {
    for (auto& finding : findings) {
        for (auto& [name, value] : finding.values)
            value = doctor::redacted_value(value);
        for (auto& [name, value] : finding.evidence)
            value = doctor::redacted_value(value);
    }
    return findings;
}

bool bundle(const std::string& path, const doctor::Request& request, const doctor::Findings& told,
            const doctor::Catalogue& words) {
    const auto size = doctor::write_bundle(path, request, told);
    if (!size)
        complain("doctor", size.error());
    else
        print_note(
            words.text("words", "bundle", {{"file", path}, {"size", fmt::format("{} KiB", (*size + 1023) / 1024)}}) +
            "\n");
    return size.has_value();
}

bool run(const doctor::DnsRepair& repair, const std::string& config) {
    const bool enable = repair.verb == doctor::DnsRepair::Verb::kEnable;
    DnsCommand command;
    command.config = config;
    command.verb = enable ? DnsCommand::Verb::kEnable : DnsCommand::Verb::kReapply;
    command.mode = repair.mode;
    return run_command(command) == kExitGood;
}

enum class Repaired { kNothing, kDone, kFailed };

/// Tells the plan on stderr, asks, and does it.
Repaired repair(const DoctorCommand& command, const doctor::Findings& findings, const doctor::Catalogue& words) {
    const auto say = [&](std::string_view key, const doctor::Values& values = {}) {
        print_note(words.text("words", key, values) + "\n");
    };
    const std::string& config = command.request.target.config;
    const doctor::Repairs plan = doctor::plan_repairs(findings);
    print_note(doctor::text_of(plan, words));
    if (plan.empty()) return say("fix_nothing"), Repaired::kNothing;
    if (::geteuid() != 0) return say("fix_root"), Repaired::kNothing;
    if (!command.yes) {
        const auto answer = ask(words.text("words", "fix_ask"));
        if (!answer) return say("fix_no_terminal"), Repaired::kNothing;
        if (!*answer) return say("fix_declined"), Repaired::kNothing;
    }
    if (!plan.hosts.empty()) {
        const auto usable = load_usable_config(config);
        const auto names = usable ? usable->config.hosts() : std::vector<std::string>{};
        const auto kept = doctor::fix_hosts(*HostSystem::real(), plan.hosts, names, core::now_wall_us());
        if (!kept) return complain("doctor", kept.error()), Repaired::kFailed;
        say("fix_hosts_done", {{"file", *kept}});
    }
    if (plan.dns && !run(*plan.dns, config)) return Repaired::kFailed;
    return Repaired::kDone;
}

/// A part that did not end in time may still be running.
[[noreturn]] void leave(int code) {
    if (output_lost()) code = kExitUnknown;
    std::fflush(nullptr);
    ::_exit(code);
}

constexpr rlim_t kDescriptors = 64, kWantedDescriptors = 1024;

/// Doctor looks at many things at the same time.
core::Result<void> make_room() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kWantedDescriptors) return {};
    const rlimit more{kWantedDescriptors, std::max(limit.rlim_max, kWantedDescriptors)};
    const rlimit most{limit.rlim_max, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &more) != 0) (void)::setrlimit(RLIMIT_NOFILE, &most);
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kDescriptors) return {};
    return core::fail(core::Code::kUsage,
                      core::message("only {} open files are allowed to this process, and doctor needs {}",
                                    limit.rlim_cur, kDescriptors),
                      core::message("allow more before it: ulimit -n {}", kWantedDescriptors));
}

}  // namespace

int run_command(const DoctorCommand& command) {
    core::configure_log(core::Level::kError, core::LogFormat::kText);
    const auto& words = doctor::Catalogue::in(doctor::parse_language(command.language).value_or(shown_language()));
    // A terminal of which nothing is known may take UTF-8 all the same: who asks for Chinese gets it.
    const bool as_it_is = command.language == "zh" && !can_show_chinese(terminal_charset(process_environment()));
    const auto print_words = [as_it_is](std::string_view text) { as_it_is ? print_data(text) : print(text); };
    if (command.list) {
        print_words(doctor::list_text(words));
        return kExitGood;
    }
    for (const auto* names : {&command.request.only, &command.request.skip}) {
        if (const std::string name = unknown_among(*names); !name.empty()) {
            complain("doctor",
                     core::message("{} is neither a step nor a code: postern doctor --list shows them", shown(name)));
            return kExitUnknown;
        }
    }
    if (!command.request.target.host.empty() && command.request.target.addresses.empty()) {
        complain("doctor", "--host needs --address: without a configuration, no address is known");
        return kExitUnknown;
    }
    std::string bundle_path = command.bundle.value_or("");
    if (command.bundle && bundle_path.empty()) bundle_path = doctor::bundle_name(host_name(), core::now_wall_us());
    if (command.bundle) {
        if (const auto fine = doctor::check_bundle_path(bundle_path); !fine) {
            complain("doctor", fine.error());
            return kExitUnknown;
        }
    }
    if (const auto room = make_room(); !room) {
        complain("doctor", room.error());
        return kExitUnknown;
    }
    const Paint paint(colour_wanted() && !command.json);
    const std::size_t columns = std::clamp<std::size_t>(terminal_columns(), 40, 160);
    const bool progress = ::isatty(STDERR_FILENO) == 1;
    const auto show = [&](const std::string& line) {
        if (progress) print_note("\r\x1b[K" + line);
    };
    doctor::Findings left_out;
    const std::string config = command.request.target.config == kDefaultConfigPath ? "" : command.request.target.config;
    const auto look = [&] {
        doctor::Findings told;
        left_out.clear();
        doctor::Listener listener;
        listener.left_out = [&](const doctor::Finding& finding) { left_out.push_back(finding); };
        listener.found = [&](const doctor::Findings& seen) {
            const doctor::Findings findings = redacted(seen);
            told.insert(told.end(), findings.begin(), findings.end());
            show("");
            if (!command.json) print_words(doctor::text_of(findings, words, paint, columns));
        };
        listener.waiting = [&](doctor::Step step) {
            show(words.text("words", "waiting", {{"step", words.text("steps", to_string(step))}}));
        };
        doctor::walk(command.request, listener);
        if (command.json)
            print_data(doctor::json_of(told, words, left_out, config));
        else
            print_words("\n" + wrap_text(doctor::verdict_text(told, words, paint, left_out), columns, 0) + "\n");
        return told;
    };
    doctor::Findings told = look();
    if (command.fix) {
        const auto repaired = repair(command, told, words);
        if (repaired == Repaired::kDone) {
            print_note(fmt::format("\n{}\n\n", words.text("words", "fix_again")));
            told = look();
        } else if (repaired == Repaired::kFailed) {
            leave(kExitFailed);
        }
    }
    int code = exit_code(doctor::overall_of(told, left_out));
    if (command.bundle && !bundle(bundle_path, command.request, told, words)) code = kExitUnknown;
    leave(code);
}

}  // namespace postern::agent
