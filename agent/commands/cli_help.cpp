// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/cli_help.h"

#include "agent/client/language.h"
#include "agent/commands/cli_builder.h"
#include "core/message.h"

namespace postern::agent {

namespace {

constexpr const char* kOverview =
    "postern - private DNS names for cloud databases behind PrivateLink, checked and kept alive\n"
    "\n"
    "Usage: postern COMMAND [OPTIONS]\n"
    "\n"
    "Look:\n"
    "  status         one screen: links, addresses, DNS, discovery   --json --watch\n"
    "  resolve NAME   ask the resolver; says where the answer is from and why\n"
    "  probe [LINK]   connect, TLS, request, SQL on every address, now\n"
    "  logs           what the probes found                          -f --since 1h --state down\n"
    "  queries        the queries that the resolver received, if its query log is on\n"
    "  connections    the applications' own connections: stuck, withdrawn, around the link\n"
    "  doctor         the whole chain: what is wrong, its owner, the fix\n"
    "\n"
    "Act:\n"
    "  run            the agent, in the foreground (systemd starts it)\n"
    "  refresh        ask the cloud API and probe everything now\n"
    "  drain ZONE     take a zone or an address out of the answers   --for 1h --reason TEXT\n"
    "  undrain        end that before its time; drain status shows what is drained\n"
    "  dns enable     point this host's resolver at postern; dns disable gives it back exactly\n"
    "  dns status     who owns this host's DNS, and what postern changed\n"
    "\n"
    "The endpoint itself, in Alibaba Cloud:\n"
    "  endpoint list  endpoints, their states; also show, services\n"
    "  endpoint create, wait, delete; zone (add, remove), export, remove-group\n"
    "\n"
    "For a fleet of hosts, and for what runs no agent:\n"
    "  publish privatezone   the names as records of Alibaba Cloud's PrivateZone   --dry-run --undo\n"
    "  publish file, publish external-dns   the same as a file, or as a manifest for ExternalDNS\n"
    "  publish kubernetes, publish ack-dns   the names in a cluster: EndpointSlices, or ACK's CustomDNSConfig\n"
    "  k8s corefile   what CoreDNS, NodeLocal DNSCache or ACK needs for the private names\n"
    "  k8s manifests  postern's objects for a cluster, with the links of the configuration\n"
    "  publish list   the addresses of all endpoints as one signed list in an object store\n"
    "  publish run    the same as a service; publish keygen makes its key\n"
    "  fleet status   what the hosts of a fleet see; publish report writes what this one does\n"
    "\n"
    "In a pod on a Kubernetes node:\n"
    "  k8s node, k8s alive   for its init container and its liveness probe\n"
    "\n"
    "Configure:\n"
    "  check-config   validate the configuration; every mistake with its line\n"
    "  plan show      print the plan that the resolver serves\n"
    "  plan compile   make a plan without the agent\n"
    "\n"
    "postern COMMAND --help lists the options, postern --version (--verbose) the version (and the\n"
    "libraries').\n"
    "The configuration is /etc/postern/postern.toml unless --config FILE says otherwise.\n"
    "Exit codes: 0 good, 1 warning, 2 failed, 3 unknown (usage error, or could not measure).\n";

/// A text given to CLI11, in the reader's language: it is a form of the catalogue.
std::string told_text(std::string text) {
    return told(core::Message(std::move(text), {}));
}

/// All texts of a command and of those below it.
void tell(CLI::App* app) {
    app->description(told_text(app->get_description()));
    app->group(told("Subcommands"));
    for (CLI::Option* option : app->get_options([](const CLI::Option*) { return true; })) {
        option->description(told_text(option->get_description()));
        option->group(told("Options"));
    }
    for (CLI::App* command : app->get_subcommands([](const CLI::App*) { return true; }))
        tell(command);
}

}  // namespace

std::string overview() {
    return told(kOverview);
}

std::string help_of(CLI::App* command, const std::string& before) {
    const auto formatter = command->get_formatter();
    formatter->label("Usage", told("Usage"));
    formatter->label("Positionals", told("Positionals"));
    formatter->label("OPTIONS", told("OPTIONS"));
    formatter->label("SUBCOMMAND", told("SUBCOMMAND"));
    formatter->label("REQUIRED", told("REQUIRED"));
    tell(command);
    return command->help(before, CLI::AppFormatMode::Normal);
}

}  // namespace postern::agent
