// SPDX-License-Identifier: Apache-2.0
// The options of `postern publish …`.
#include <memory>
#include <utility>

#include "agent/commands/cli_builder.h"
#include "agent/publish/zone_note.h"

namespace postern::agent {
namespace {

constexpr std::size_t kMaxVpcs = 20;

void add_common(CLI::App* app, PublishCommon& c) {
    add_config(app, c.config);
    app->add_option("LINK", c.link, "only the name of this link (default: all)")->type_name("");
    add_read(app, "--ttl", "5s or 30s (default: 30s, with --follow-health 5s)", "TIME",
             [&c](const std::string& text) -> core::Message {
                 const auto ttl = parse_duration(text);
                 if (ttl == 5 * core::kSecond || ttl == 30 * core::kSecond) {
                     c.ttl_s = static_cast<int>(*ttl / core::kSecond);
                     return "";
                 }
                 return "is neither 5s nor 30s";
             });
    app->add_flag("--follow-health", c.follow_health,
                  "probe each address from here, and leave out those that are down while another works");
    app->add_flag("-n,--dry-run", c.dry_run, "only say what would be done");
    app->add_flag("--undo", c.undo, "take away exactly what postern made");
    app->add_flag("--json", c.json, "as JSON");
}

void add_publish_privatezone(CLI::App& root, const Chosen& chosen) {
    auto c = std::make_shared<PublishPrivateZoneCommand>();
    CLI::App* app = root.add_subcommand(
        "privatezone",
        "The names as zones and records of Alibaba Cloud's PrivateZone, for hosts without an agent: each\naddress for all, "
        "and for the askers of each availability zone its own. Changes only what carries postern's\nmark.\nExit: 0 as it "
        "should be, 1 something is left as it is, 2 refused or failed, 3 not confirmed, interrupted or usage.");
    add_common(app, c->common);
    add_repeated(
        app, "--vpc", "a VPC whose hosts get the names: vpc-… or REGION/vpc-… (default: this host's); again for more",
        "VPC", kMaxVpcs, [c](const std::string& text) -> core::Message {
            const auto slash = text.find('/');
            if (slash != std::string::npos) {
                if (auto problem = check_region(text.substr(0, slash)); !problem.empty()) return problem;
            }
            const std::string id = slash == std::string::npos ? text : text.substr(slash + 1);
            c->vpcs.push_back(text);
            return is_resource_id(id, "vpc-") ? core::Message() : core::message("is no ID that begins with {}", "vpc-");
        });
    app->add_flag_callback(
        "--no-zone-lines", [c] { c->zone_lines = false; },
        "the same answer for all: no records for availability zones");
    add_read(app, "--publisher", "what the others know this publisher by (default: the host's name)", "NAME",
             [c](const std::string& text) -> core::Message {
                 c->publisher = text;
                 return publish::is_publisher(text) ? "" : "is not 1 to 63 of letters, digits, '.', '_' and '-'";
             });
    add_read(app, "--format", "with --dry-run: text (default), json or terraform", "FORMAT",
             [c](const std::string& text) -> core::Message {
                 c->terraform = text == "terraform";
                 c->common.json = c->common.json || text == "json";
                 return c->terraform || text == "json" || text == "text" ? "" : "is none of text, json, terraform";
             });
    add_read(app, "--region", "instead of the configuration's, or this instance's", "REGION",
             [c](const std::string& text) {
                 c->region = text;
                 return check_region(text);
             });
    app->add_flag("-y,--yes", c->common.yes, "don't ask");
    app->callback([c, chosen] {
        if (c->terraform && (!c->common.dry_run || c->common.undo))
            throw UsageError("--format", "terraform prints what would be there: with --dry-run, without --undo");
        chosen(*c);
    });
}

void add_publish_file(CLI::App& root, const Chosen& chosen) {
    auto c = std::make_shared<PublishFileCommand>();
    CLI::App* app = root.add_subcommand(
        "file",
        "The names and their addresses as a file, for confd, Consul, etcd, Nacos and others; replaced in one step, and "
        "only\nwhen an address changes.\nExit: 0 as it should be, 1 with the last known addresses, 2 not known or not "
        "written, 3 usage.");
    add_common(app, c->common);
    app->add_option("--to", c->to, "where (default: stdout)")->type_name("FILE");
    add_read(app, "--format", "json (default), or hosts: lines as in /etc/hosts", "FORMAT",
             [c](const std::string& text) -> core::Message {
                 c->form = text == "hosts" ? publish::Form::kHosts : publish::Form::kJson;
                 return text == "json" || text == "hosts" ? "" : "is neither json nor hosts";
             });
    app->callback([c, chosen] { chosen(*c); });
}

void add_publish_external_dns(CLI::App& root, const Chosen& chosen) {
    auto c = std::make_shared<PublishFileCommand>();
    c->form = publish::Form::kDnsEndpoint;
    CLI::App* app = root.add_subcommand(
        "external-dns",
        "The names as a DNSEndpoint manifest (externaldns.k8s.io/v1alpha1), for ExternalDNS with --source=crd.\nExit: as "
        "publish file.");
    add_common(app, c->common);
    app->add_option("--to", c->to, "where (default: stdout)")->type_name("FILE");
    add_read(app, "--name", "of the object (default postern)", "NAME", [c](const std::string& text) {
        c->object_name = text;
        return publish::check_object_name(text);
    });
    add_read(app, "--namespace", "of the object (default: none is written)", "NAME", [c](const std::string& text) {
        c->space = text;
        return publish::check_object_name(text);
    });
    app->callback([c, chosen] { chosen(*c); });
}

}  // namespace

void add_publish_commands(CLI::App& root, const Chosen& chosen) {
    CLI::App* publish = root.add_subcommand(
        "publish", "The names and their addresses for a fleet of hosts, and for what runs no agent.");
    publish->set_help_flag("-h,--help", "this text");
    publish->require_subcommand(1);
    add_publish_privatezone(*publish, chosen);
    add_publish_file(*publish, chosen);
    add_publish_external_dns(*publish, chosen);
    add_publish_cluster(*publish, chosen);
    add_publish_list(*publish, chosen);
    add_publish_report(*publish, chosen);
    add_fleet_commands(root, chosen);
}

void read_publish_target(const CLI::App& root, std::vector<std::string>& words) {
    if (words.size() < 3 || words[0] != "publish" || words[1] != "--to") return;
    const CLI::App* publish = root.get_subcommand("publish");
    for (const CLI::App* command : publish->get_subcommands([](const CLI::App*) { return true; })) {
        if (command->get_name() != words[2]) continue;
        words.erase(words.begin() + 1);
        return;
    }
}

}  // namespace postern::agent
