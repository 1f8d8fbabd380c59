// SPDX-License-Identifier: Apache-2.0
// `postern status`: asks the running agent, which renders the screen.
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "agent/client/agent_client.h"
#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/cli.h"
#include "agent/faults/catalogue.h"
#include "agent/text/terminal.h"

namespace postern::agent {

namespace {

constexpr Micros kTimeout = 5 * core::kSecond;
constexpr Micros kRedraw = 2 * core::kSecond;

struct Shown {
    Overall overall = Overall::kUnknown;
    std::string text;
};

core::Result<Shown> ask(const Config& config, const StatusCommand& command) {
    std::string path = "/api/v1/status";
    if (!command.json) {
        const bool terminal = ::isatty(STDOUT_FILENO) == 1;
        path += "?view=text&columns=" + std::to_string(terminal ? terminal_columns() : 0) +
                "&rows=" + std::to_string(terminal ? terminal_rows() : 0) + (colour_wanted() ? "&colour=1" : "") +
                (shown_language() == doctor::Language::kChinese ? "&lang=zh" : "");
    }
    auto reply = ask_agent(config, "GET", path, kTimeout);
    if (!reply) return core::fail(reply.error());
    const std::string header = reply->header("x-postern-overall");
    if (reply->status != 200 || header.empty()) {
        return core::fail(wrong_answer(config, *reply));
    }
    return Shown{parse_overall_header(header).value_or(Overall::kUnknown), reply->body};
}

/// Drawn over the old screen line by line, to avoid flicker; lines that do not fit are counted, to avoid scrolling.
/// The last row says how to leave.
std::string over_old_screen(const std::string& text) {
    std::string out = "\033[H";
    std::size_t left = std::max<std::size_t>(terminal_rows(), 4) - 1;
    std::size_t at = 0;
    for (; at < text.size() && left > 0; --left) {
        const auto end = std::min(text.find('\n', at), text.size());
        out += text.substr(at, end - at) + "\033[K\n";
        at = end + 1;
    }
    const auto below =
        at < text.size() ? std::count(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), '\n') : 0;
    core::Message how = "every 2 s; Ctrl-C ends";
    if (below > 0) how = core::message("{}; {} more lines do not fit: postern status | less", std::move(how), below);
    return out + told(how) + "\033[K\033[J";
}

int watch(const Config& config, const StatusCommand& command) {
    Interruptible interruptible;
    const bool terminal = ::isatty(STDOUT_FILENO) == 1 && !command.json;
    int code = kExitUnknown;
    if (terminal) print("\033[?25l\033[2J");
    do {
        const auto shown = ask(config, command);
        code = shown ? exit_code(shown->overall) : kExitUnknown;
        const std::string text = shown ? shown->text : "postern status: " + told(shown.error().whole()) + "\n";
        command.json ? print_data(text) : print(terminal ? over_old_screen(text) : text + "\n");
    } while (std::ferror(stdout) == 0 && interruptible.sleep(kRedraw));
    if (terminal) print("\r\033[K\033[?25h");  // the last screen stays; the prompt takes its last row
    return code;
}

}  // namespace

int run_command(const StatusCommand& command) {
    auto config = config_or_complain("status", command.config);
    if (!config && ::access(command.config.c_str(), F_OK) != 0 && command.config != StatusCommand{}.config)
        return kExitUnknown;  // a file that is not there: not "broken while the agent is running"
    if (!config) {
        // After breaking the file, the user wants to see the agent, which still uses the old one.
        config = *parse_config(command.config, "");
        complain("status", core::message("asking the default address, {}", agent_address(*config).text()));
    }
    if (command.watch) return watch(*config, command);
    const auto shown = ask(*config, command);
    if (!shown) {
        complain("status", shown.error());
        return kExitUnknown;
    }
    command.json ? print_data(shown->text) : print(shown->text);
    return exit_code(shown->overall);
}

}  // namespace postern::agent
