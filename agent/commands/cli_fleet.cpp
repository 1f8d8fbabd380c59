// SPDX-License-Identifier: Apache-2.0
// The options of `postern fleet status` and `postern publish report`.
#include <memory>

#include "agent/commands/cli_builder.h"
#include "agent/text/object_place.h"

namespace postern::agent {
namespace {

core::Message read_folder(const std::string& text, std::string& out) {
    out = text;
    const auto place = parse_folder_place(text);
    return place ? core::Message() : core::message("is no folder of reports: {}", place.error().hint);
}

}  // namespace

void add_fleet_commands(CLI::App& root, const Chosen& chosen) {
    CLI::App* fleet = root.add_subcommand("fleet", "What the hosts of a fleet report.");
    fleet->set_help_flag("-h,--help", "this text");
    fleet->require_subcommand(1);
    auto c = std::make_shared<FleetStatusCommand>();
    CLI::App* app = fleet->add_subcommand(
        "status",
        "Read the reports of all hosts, and say which hosts see which address how, and whether one that is down is so for "
        "all,\nfor a zone or for one host. Hosts that report late are counted neither as good nor as bad.\nExit: 0 all is "
        "well, 1 something is not, 2 a name is down for all, 3 no host reports in time, not read, or usage.");
    add_config(app, c->config);
    add_read(app, "--from",
             "where the reports are: oss://BUCKET/PREFIX/, s3://BUCKET/PREFIX/ or file:/PATH/ (default: report_url of\n"
             "[fleet])",
             "PLACE", [c](const std::string& text) { return read_folder(text, c->from); });
    add_read(app, "--fleet", "the fleet's name (default: name of [fleet])", "NAME", [c](const std::string& text) {
        c->fleet = text;
        return check_link_name(text);
    });
    app->add_flag("--json", c->json, "as JSON");
    app->add_flag("-w,--watch", c->watch, "again and again, until Ctrl-C");
    app->callback([c, chosen] { chosen(*c); });
}

void add_publish_report(CLI::App& publish, const Chosen& chosen) {
    auto c = std::make_shared<PublishReportCommand>();
    CLI::App* app = publish.add_subcommand(
        "report",
        "Write the running agent's report of this host once; with report_url in [fleet] the agent writes it by itself.\n"
        "Exit: 0 written, 2 refused or failed, 3 the agent can't be asked, or usage.");
    add_config(app, c->config);
    add_read(
        app, "--to",
        "where: oss://BUCKET/PREFIX/, s3://BUCKET/PREFIX/, https://HOST/PATH/ or file:/PATH/ (default: report_url of\n"
        "[fleet])",
        "PLACE", [c](const std::string& text) { return read_folder(text, c->to); });
    app->add_flag("-n,--dry-run", c->dry_run, "print the report, write nothing");
    app->callback([c, chosen] { chosen(*c); });
}

}  // namespace postern::agent
