// `postern doctor`: the whole chain, and what is wrong with it.
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "agent/commands/common.h"
#include "agent/doctor/chain.h"
#include "agent/doctor/codes.h"
#include "agent/doctor/report.h"
#include "core/log.h"

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

}  // namespace

int run_command(const DoctorCommand& command) {
    core::configure_log(core::Level::kError, core::LogFormat::kText);
    const auto& words = doctor::Catalogue::in(doctor::parse_language(command.language).value_or(doctor::language_of_environment()));
    if (command.list) {
        print(doctor::list_text(words));
        return kExitGood;
    }
    for (const auto* names : {&command.only, &command.skip}) {
        if (const std::string name = unknown_among(*names); !name.empty()) {
            complain("doctor", name + " is neither a step nor a code: postern doctor --list shows them");
            return kExitUnknown;
        }
    }
    if (!command.host.empty() && command.addresses.empty()) {
        complain("doctor", "--host needs --address: without a configuration, no address is known");
        return kExitUnknown;
    }
    const Paint paint(colour_wanted() && !command.json);
    const std::size_t columns = std::clamp<std::size_t>(terminal_columns(), 40, 160);
    doctor::Findings told;
    const bool progress = ::isatty(STDERR_FILENO) == 1;
    const auto show = [&](const std::string& line) {
        if (progress) std::fprintf(stderr, "\r\x1b[K%s", line.c_str());
    };
    doctor::Listener listener;
    listener.found = [&](const doctor::Findings& findings) {
        told.insert(told.end(), findings.begin(), findings.end());
        show("");
        if (!command.json) print(doctor::text_of(findings, words, paint, columns));
    };
    listener.waiting = [&](doctor::Step step) {
        show(words.text("words", "waiting", {{"step", words.text("steps", to_string(step))}}));
    };
    doctor::walk(command, listener);
    print(command.json ? doctor::json_of(told, words) : "\n" + wrap_text(doctor::verdict_text(told, words, paint), columns, 0) + "\n");
    const int code = doctor::exit_code(told);
    std::fflush(nullptr);
    ::_exit(code);  // a part that did not end in time still runs
}

}  // namespace postern::agent
