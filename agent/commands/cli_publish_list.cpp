// SPDX-License-Identifier: Apache-2.0
// The options of `postern publish list`, `publish run` and `publish keygen`.
#include <memory>

#include "agent/commands/cli_builder.h"
#include "agent/fleet/list_document.h"
#include "agent/text/object_place.h"

namespace postern::agent {
namespace {

void add_list_options(CLI::App* app, const std::shared_ptr<PublishListCommand>& c) {
    add_config(app, c->config);
    add_read(app, "--to",
             "where readers fetch it: oss://BUCKET/KEY, s3://BUCKET/KEY, https://… or file:/PATH\n(default: "
             "list_url of [fleet])",
             "PLACE", [c](const std::string& text) -> core::Message {
                 c->to = text;
                 const auto place = parse_object_place(text);
                 return place ? core::Message() : core::message("is no place of a list: {}", place.error().hint);
             });
    app->add_option("-k,--key-file", c->key_files, "private key that signs it; twice while keys are changed")
        ->type_name("FILE")
        ->required()
        ->expected(1, static_cast<int>(kMaxListSignatures))
        ->allow_extra_args(false);
    add_read(app, "--fleet", "the fleet's name (default: name of [fleet])", "NAME", [c](const std::string& text) {
        c->fleet = text;
        return check_link_name(text);
    });
    add_read(app, "--publisher", "who writes it, for people (default: this host's name)", "NAME",
             [c](const std::string& text) {
                 c->publisher = text;
                 return check_link_name(text);
             });
    app->add_option_function<std::vector<std::string>>(
           "--endpoint",
           [c](const std::vector<std::string>& ids) {
               for (const auto& id : ids) {
                   if (core::Message problem = check_endpoint_id(id); !problem.empty())
                       throw UsageError("--endpoint", core::message("{} {}", shown(id), std::move(problem)));
               }
               c->endpoints = ids;
           },
           "only this endpoint (may be repeated; default: all of the configuration)")
        ->type_name("ID")
        ->allow_extra_args(false);
    add_read(app, "--valid-for", "how long a list may be used; it is written anew after a quarter of that (default 1d)",
             "TIME", [c](const std::string& text) -> core::Message {
                 const auto time = parse_duration(text);
                 if (time) c->validity_us = *time;
                 return time && *time >= core::kMinute && *time <= kLongestValidity
                            ? ""
                            : "is not a duration from 1m to 31d, such as \"1d\"";
             });
    app->add_flag("--replace", c->replace, "write over what is there, though it is no list of this fleet");
}

void add_list(CLI::App& root, const Chosen& chosen) {
    auto c = std::make_shared<PublishListCommand>();
    CLI::App* app = root.add_subcommand(
        "list",
        "Ask the cloud once for all endpoints, and write their addresses as a signed list for all hosts of the fleet. "
        "Writes only\nif something changed or a quarter of the list's validity has passed.\nExit: 0 it is up to date, 1 some endpoints were not answered, 2 "
        "refused or failed, 3 usage.");
    add_list_options(app, c);
    app->add_flag("-n,--dry-run", c->dry_run, "print the list, write nothing");
    app->add_flag("--json", c->json, "as JSON");
    app->callback([c, chosen] { chosen(*c); });
}

void add_run(CLI::App& root, const Chosen& chosen) {
    auto c = std::make_shared<PublishListCommand>();
    c->beat = true;
    CLI::App* app = root.add_subcommand(
        "run",
        "As publish list, again and again, at the pace of poll_interval in [aliyun], until SIGTERM. SIGHUP reads "
        "the\nconfiguration and the keys again. Several of them, in several zones, do no harm.");
    add_list_options(app, c);
    app->callback([c, chosen] { chosen(*c); });
}

void add_keygen(CLI::App& root, const Chosen& chosen) {
    auto c = std::make_shared<PublishKeygenCommand>();
    CLI::App* app = root.add_subcommand(
        "keygen",
        "Make the key that signs lists: the private one into FILE, the public one, for list_keys, to stdout.");
    app->add_option("FILE", c->file, "a new file, mode 0600")->required()->type_name("");
    app->add_flag("--show", c->show, "only print the public key of a FILE that is there");
    app->callback([c, chosen] { chosen(*c); });
}

}  // namespace

void add_publish_list(CLI::App& publish, const Chosen& chosen) {
    add_list(publish, chosen);
    add_run(publish, chosen);
    add_keygen(publish, chosen);
}

}  // namespace postern::agent
