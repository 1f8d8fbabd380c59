// SPDX-License-Identifier: Apache-2.0
// The options of `postern endpoint …`.
#include <algorithm>
#include <memory>
#include <utility>

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
    {Verb::kZone, "zone",
     "Add a zone to an endpoint, or remove one: zone add ENDPOINT ZONE,VSWITCH; zone remove ENDPOINT ZONE.\n"
     "Exit: 0 done, or so already, 2 refused or not in time, 3 not confirmed, interrupted or usage."},
    {Verb::kExport, "export",
     "Write the zones of a connected endpoint into a file that zones_file of a link takes.\n"
     "Exit: 0 written, 2 not connected, 3 could not ask or write."},
    {Verb::kDelete, "delete",
     "Delete an endpoint and its zones, after a question, and wait until they are gone.\n"
     "Exit: 0 gone, 2 failed or not in time, 3 not confirmed or interrupted."},
    {Verb::kRemoveGroup, "remove-group",
     "Delete the security group that create made, after a question, when nothing is in it.\n"
     "Exit: 0 gone, 2 refused, 3 not confirmed or usage."},
};

void add_id(CLI::App* app, const char* name, const char* help, const char* type, const Shared& c,
            std::string EndpointWish::*member, const char* prefix) {
    add_read(app, name, help, type, [c, member, prefix](const std::string& text) -> core::Message {
        c->wish.*member = text;
        return is_resource_id(text, prefix) ? core::Message() : core::message("is no ID that begins with {}", prefix);
    });
}

void add_duration(CLI::App* app, const char* name, const char* help, const Shared& c, Micros EndpointCommand::*member,
                  Micros least) {
    add_read(app, name, help, "TIME", [c, member, least](const std::string& text) -> core::Message {
        const auto value = parse_duration(text);
        if (value) (*c).*member = *value;
        constexpr Micros kMaxWait = core::kDay;
        if (value && *value >= least && *value <= kMaxWait) return "";
        return core::message("is not a duration from {} to {}", format_duration(least), format_duration(kMaxWait));
    });
}

void add_service(CLI::App* app, const Shared& c) {
    app->add_option("--service", c->wish.service, "ID or name of the service: epsrv-…, com.aliyuncs.privatelink.…")
        ->type_name("SERVICE");
    if (c->verb != Verb::kList) {
        add_read(app, "--region-of-service", "where the service is, if not in the endpoint's region", "REGION",
                 [c](const std::string& text) {
                     c->wish.service_region = text;
                     return check_region(text);
                 });
    }
    if (c->verb == Verb::kServices) return;
    add_id(app, "--vpc", c->verb == Verb::kList ? "only those of this VPC" : "instead of this host's", "VPC", c,
           &EndpointWish::vpc, "vpc-");
}

void add_place(CLI::App* app, const Shared& c) {
    add_id(app, "--vswitch", "where its address is taken from, instead of this host's", "VSWITCH", c,
           &EndpointWish::vswitch, "vsw-");
    add_repeated(app, "--zone", "instead of this host's; again for more zones, each as ZONE,VSWITCH[,IP][,IPV6]",
                 "ZONE", kMaxZones,
                 [c](const std::string& text) { return read_zone_wish(text, &c->wish.zones.emplace_back()); });
    add_id(app, "--security-group", "checked and used as it is; without it postern's own is made", "GROUP", c,
           &EndpointWish::security_group, "sg-");
    add_repeated(app, "--open-to", "clients that must reach port 443 (default: the VPC's addresses); again for more",
                 "CIDR", kMaxOpenTo, [c](const std::string& text) {
                     c->wish.open_to.push_back(text);
                     return core::Message();
                 });
    app->add_option("--name", c->wish.name, "of the endpoint (default postern)")->type_name("NAME");
    app->add_flag("--dual-stack", c->wish.dual_stack, "IPv6 addresses, too, if the service has them");
    app->add_flag("--zone-affinity", c->wish.zone_affinity,
                  "the endpoint's domain gives each host its own zone alone: no failover through that name");
    add_id(app, "--resource-group", "that the endpoint is put into", "GROUP", c, &EndpointWish::resource_group, "rg-");
    add_repeated(app, "--tag", "of the endpoint; again for more", "KEY=VALUE", kMaxTags,
                 [c](const std::string& text) { return read_tag(text, &c->wish.tags.emplace_back()); });
    add_read(app, "--bandwidth", "between the regions, if the service is in another (default: the API's)", "MBITS",
             [c](const std::string& text) -> core::Message {
                 constexpr int kLeast = 100, kMost = 1'000'000;
                 return read_number(text, kLeast, kMost, c->wish.bandwidth);
             });
    add_read(app, "--client-token", "of an attempt whose result is not known: prevents a second endpoint", "TOKEN",
             [c](const std::string& text) -> core::Message {
                 c->client_token = text;
                 const bool fits = !text.empty() && text.size() <= 64 &&
                                   std::all_of(text.begin(), text.end(), [](char b) { return b > ' ' && b < 0x7f; });
                 return fits ? "" : "is not 1 to 64 characters of ASCII";
             });
    app->add_flag("--wait", c->wait, "then wait, as endpoint wait does");
}

/// What `export` takes: the ID may be left out.
void add_export(CLI::App* app, const Shared& c) {
    CLI::Option* id = app->add_option("ENDPOINT", c->endpoint, "its ID (default: the only one of the configuration)");
    CLI::Option* file = app->add_option("FILE", c->file, "replaced in one step, only when there is something to write");
    file->type_name("")->required();
    // CLI11 takes a word that is alone for the first of the two.
    id->type_name("")->each([file](const std::string&) { file->required(false); });
    app->parse_complete_callback([c, file] {
        const bool alone = file->count() == 0;
        const core::Message problem = check_endpoint_id(c->endpoint);
        if (alone && problem.empty()) throw UsageError(core::message("{} is missing", "FILE"));
        if (!alone && !problem.empty()) throw UsageError(c->endpoint, problem);
        if (alone) c->file = std::exchange(c->endpoint, "");
    });
}

/// What `zone` takes behind the endpoint's ID.
void add_rest(CLI::App* app, const Shared& c) {
    if (c->verb != Verb::kZone) return;
    add_read(app, "ZONE", "cn-hangzhou-h; add: ZONE,VSWITCH[,IP][,IPV6], the vSwitch if it is not this host's", "",
             [c](const std::string& text) { return read_zone_wish(text, &c->zone); })
        ->required();
}

void add_options(CLI::App* app, const Shared& c) {
    const Verb verb = c->verb;
    const bool of_many = verb == Verb::kServices || verb == Verb::kList || verb == Verb::kCreate;
    const bool changes = verb == Verb::kZone || verb == Verb::kDelete;
    const bool writes = changes || verb == Verb::kCreate || verb == Verb::kRemoveGroup;
    if (verb == Verb::kZone) {
        add_read(app, "ACTION", "add or remove", "", [c](const std::string& text) -> core::Message {
            c->adds = text == "add";
            return c->adds || text == "remove" ? "" : "is neither add nor remove";
        })->required();
    }
    if (verb == Verb::kRemoveGroup) {
        add_read(app, "GROUP", "its ID: sg-…", "", [c](const std::string& text) -> core::Message {
            c->group = text;
            return is_resource_id(text, "sg-") ? core::Message() : core::message("is no ID that begins with {}", "sg-");
        })->required();
    } else if (verb == Verb::kExport) {
        add_export(app, c);
    } else if (!of_many) {
        add_read(app, "ENDPOINT", "its ID: ep-…", "", [c](const std::string& text) {
            c->endpoint = text;
            return check_endpoint_id(text);
        })->required();
    } else {
        add_service(app, c);
    }
    add_rest(app, c);
    if (verb == Verb::kCreate) add_place(app, c);
    if (verb == Verb::kShow) {
        add_read(app, "--from", "judge for this address instead of this host's", "IP",
                 [c](const std::string& text) -> core::Message {
                     c->from = core::IpAddress::parse(text);
                     return c->from ? "" : "is not an IP address";
                 });
    }
    if (changes) c->timeout_us = 10 * core::kMinute;
    if (changes || verb == Verb::kCreate || verb == Verb::kWait) {
        add_duration(app, "--timeout", changes ? "how long to wait (default 10m)" : "how long to wait (default 30m)", c,
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
