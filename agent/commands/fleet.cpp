// SPDX-License-Identifier: Apache-2.0
// `postern fleet status`: reads the reports of all hosts, and says what they tell together.
#include <unistd.h>

#include <cstdio>
#include <optional>

#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/cli.h"
#include "agent/commands/store_session.h"
#include "agent/fleet/fleet_view.h"
#include "agent/serving/fleet_json.h"
#include "agent/serving/fleet_text.h"
#include "agent/status/fleet_state.h"
#include "agent/text/terminal.h"
#include "core/log.h"

namespace postern::agent {
namespace {

using core::Code;

constexpr Micros kRedraw = 10 * core::kSecond;

struct Shown {
    Overall overall = Overall::kUnknown;
    std::string text;
};

core::Result<Shown> look(const FleetStatusCommand& command, StoreSession& session, ReportReader& reader) {
    std::optional<core::Result<FleetReports>> read;
    session.from_loop([&] { reader.read([&read](core::Result<FleetReports> result) { read = std::move(result); }); });
    if (!session.wait([&read] { return read.has_value(); })) return core::fail(Code::kCancelled, "interrupted");
    if (!*read) return core::fail(std::move(read->error()));
    const FleetView view = judge_fleet(std::make_shared<const FleetReports>(std::move(**read)),
                                       session.clock().wall_us() + session.store().clock_offset_us());
    const std::size_t columns = ::isatty(STDOUT_FILENO) == 1 ? terminal_columns() : 0;
    return Shown{overall_of(view),
                 command.json ? fleet_json(view, {}) : fleet_text(view, colour_wanted(), columns, shown_language())};
}

int watch(const FleetStatusCommand& command, StoreSession& session, ReportReader& reader) {
    const bool terminal = ::isatty(STDOUT_FILENO) == 1 && !command.json;
    int code = kExitUnknown;
    do {
        const auto shown = look(command, session, reader);
        if (!shown && shown.error().code == Code::kCancelled) break;
        code = shown ? exit_code(shown->overall) : kExitUnknown;
        if (terminal) print("\033[H\033[2J");
        if (!shown) {
            complain("fleet status", shown.error());
        } else if (command.json) {
            print_data(shown->text);
        } else {
            print(shown->text);
        }
    } while (std::ferror(stdout) == 0 && session.sleep(kRedraw));
    return code;
}

}  // namespace

int run_command(const FleetStatusCommand& command) {
    const auto config = config_or_complain("fleet status", command.config);
    if (!config) return kExitUnknown;
    core::configure_log(core::Level::kError, core::LogFormat::kText);
    const std::string from = command.from.empty() ? config->fleet.reports() : command.from;
    if (from.empty()) {
        complain("fleet status", core::Error{Code::kUsage, "where the fleet's reports are is not known",
                                             "give --from oss://BUCKET/PREFIX/, or report_url in [fleet]", 0});
        return kExitUnknown;
    }
    const auto folder = parse_folder_place(from);
    if (!folder) {
        complain("fleet status", folder.error());
        return kExitUnknown;
    }
    StoreSession session(*config);
    ReportReader reader(session.clock(), session.store());
    reader.configure(*folder, command.fleet.empty() ? config->fleet.name : command.fleet);
    if (command.watch) return watch(command, session, reader);
    const auto shown = look(command, session, reader);
    if (!shown) {
        complain("fleet status", shown.error());
        return kExitUnknown;
    }
    command.json ? print_data(shown->text) : print(shown->text);
    return exit_code(shown->overall);
}

}  // namespace postern::agent
