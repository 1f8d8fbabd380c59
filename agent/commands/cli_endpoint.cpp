// SPDX-License-Identifier: Apache-2.0
// The options of `postern endpoint …`.
#include <algorithm>
#include <memory>

#include "agent/commands/cli_builder.h"

namespace postern::agent {
namespace {

using Verb = EndpointCommand::Verb;
using Shared = std::shared_ptr<EndpointCommand>;

struct VerbHelp {
    Verb verb;
    const char* name;
    const char* help;
};
constexpr VerbHelp kVerbs[] = {
    {Verb::kServices, "services",
     "Services that this account may connect to, and their zones; what to do where one is missing.\n"
     "Exit: 0 there are some (with --service: that one), 1 none, 3 could not ask."},
    {Verb::kList, "list", "The account's endpoints in the region.\nExit: 0 listed, 3 could not ask."},
    {Verb::kShow, "show",
     "One endpoint: state, zones, addresses, security groups, and whether they let this host in.\n"
     "Exit: 0 connected and open, 1 not yet, or not known, 2 shut or not there, 3 could not ask."},
    {Verb::kCreate, "create",
     "Make an endpoint to a service, in this host's VPC and zone by default.\n"
     "An existing one is shown, not created twice.\n"
     "Exit: 0 made, or there already, 2 refused or failed, 3 usage."},
    {Verb::kWait, "wait",
     "Wait until an endpoint is connected; names the next step and its owner.\nExit: 0 connected, 2 not in time or "
     "never, 3 interrupted."},
    {Verb::kDelete, "delete",
     "Delete an endpoint, after a question, and wait until it is gone.\n"
     "Exit: 0 gone, 2 failed or not in time, 3 not confirmed or interrupted."},
};

void add_id(CLI::App* app, const char* name, const char* help, const char* type, const Shared& c,
            std::string EndpointWish::*member, const char* prefix) {
    add_read(app, name, help, type, [c, member, prefix](const std::string& text) -> std::string {
        c->wish.*member = text;
        return is_resource_id(text, prefix) ? "" : std::string("is no ID that begins with ") + prefix;
    });
}

void add_duration(CLI::App* app, const char* name, const char* help, const Shared& c, Micros EndpointCommand::*member,
                  Micros least) {
    add_read(app, name, help, "TIME", [c, member, least](const std::string& text) -> std::string {
        const auto value = parse_duration(text);
        if (value) (*c).*member = *value;
        constexpr Micros kMaxWait = core::kDay;
        if (value && *value >= least && *value <= kMaxWait) return "";
        return "is not a duration from " + format_duration(least) + " to " + format_duration(kMaxWait);
    });
}

void add_service(CLI::App* app, const Shared& c) {
    app->add_option("--service", c->wish.service, "ID or name of the service: epsrv-…, com.aliyuncs.privatelink.…")
        ->type_name("SERVICE");
    if (c->verb == Verb::kServices) return;
    add_id(app, "--vpc", c->verb == Verb::kList ? "only those of this VPC" : "instead of this host's", "VPC", c,
           &EndpointWish::vpc, "vpc-");
}

void add_place(CLI::App* app, const Shared& c) {
    add_id(app, "--vswitch", "where its address is taken from, instead of this host's", "VSWITCH", c,
           &EndpointWish::vswitch, "vsw-");
    add_read(app, "--zone", "of the vSwitch, instead of this host's", "ZONE", [c](const std::string& text) {
        c->wish.zone = text;
        return check_zone(text);
    });
    add_id(app, "--security-group", "checked and used as it is; without it postern's own is made", "GROUP", c,
           &EndpointWish::security_group, "sg-");
    app->add_option("--open-to", c->wish.open_to, "clients that must reach port 443 (default: the VPC's addresses)")
        ->type_name("CIDR");
    app->add_option("--name", c->wish.name, "of the endpoint (default postern)")->type_name("NAME");
    add_read(app, "--client-token", "of an attempt whose result is not known: prevents a second endpoint", "TOKEN",
             [c](const std::string& text) -> std::string {
                 c->client_token = text;
                 const bool fits = !text.empty() && text.size() <= 64 &&
                                   std::all_of(text.begin(), text.end(), [](char b) { return b > ' ' && b < 0x7f; });
                 return fits ? "" : "is not 1 to 64 characters of ASCII";
             });
    app->add_flag("--wait", c->wait, "then wait, as endpoint wait does");
}

void add_options(CLI::App* app, const Shared& c) {
    const Verb verb = c->verb;
    const bool of_one = verb == Verb::kShow || verb == Verb::kWait || verb == Verb::kDelete;
    const bool writes = verb == Verb::kCreate || verb == Verb::kDelete;
    if (of_one) {
        add_read(app, "ENDPOINT", "its ID: ep-…", "", [c](const std::string& text) {
            c->endpoint = text;
            return check_endpoint_id(text);
        })->required();
    } else {
        add_service(app, c);
    }
    if (verb == Verb::kCreate) add_place(app, c);
    if (verb == Verb::kShow) {
        add_read(app, "--from", "judge for this address instead of this host's", "IP",
                 [c](const std::string& text) -> std::string {
                     c->from = core::IpAddress::parse(text);
                     return c->from ? "" : "is not an IP address";
                 });
    }
    if (verb == Verb::kDelete) c->timeout_us = 10 * core::kMinute;
    if (writes || verb == Verb::kWait) {
        add_duration(app, "--timeout",
                     verb == Verb::kDelete ? "how long to wait (default 10m)" : "how long to wait (default 30m)", c,
                     &EndpointCommand::timeout_us, 0);
        add_duration(app, "--interval", "between two checks (default 5s)", c, &EndpointCommand::interval_us,
                     100 * core::kMillisecond);
    }
    if (writes) {
        app->add_flag("-n,--dry-run", c->dry_run, "only check: our own plan, and the API's checks");
        app->add_flag("-y,--yes", c->yes, "don't ask");
    }
    add_read(app, "--region", "instead of the configuration's, or this instance's", "REGION",
             [c](const std::string& text) {
                 c->region = text;
                 return check_region(text);
             });
    app->add_flag("--json", c->json, "as JSON");
}

}  // namespace

void add_endpoint_commands(CLI::App& root, std::function<void(EndpointCommand)> chosen) {
    CLI::App* endpoint = root.add_subcommand("endpoint",
                                             "PrivateLink endpoints of the Alibaba Cloud account: what there "
                                             "is, from create to delete.");
    endpoint->set_help_flag("-h,--help", "this text");
    endpoint->require_subcommand(1);
    for (const auto& [verb, name, help] : kVerbs) {
        auto c = std::make_shared<EndpointCommand>();
        c->verb = verb;
        CLI::App* app = endpoint->add_subcommand(name, help);
        add_config(app, c->config);
        add_options(app, c);
        app->callback([c, chosen] { chosen(*c); });
    }
}

}  // namespace postern::agent
