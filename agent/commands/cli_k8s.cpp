// SPDX-License-Identifier: Apache-2.0
// The options of `postern k8s …`, `publish kubernetes` and `publish ack-dns`.
#include <memory>
#include <utility>

#include "agent/commands/cli_builder.h"

namespace postern::agent {
namespace {

constexpr const char* kNodeAddress = "169.254.20.153";
constexpr const char* kNodeLocalAddress = "169.254.20.10";
constexpr std::size_t kMaxBinds = 4;

void add_corefile(CLI::App& root, const Chosen& chosen) {
    using k8s::ClusterDns;
    auto c = std::make_shared<K8sCorefileCommand>();
    CLI::App* app = root.add_subcommand(
        "corefile",
        "Print what the cluster's DNS needs for the private names: a server block for each, which asks the node's\n"
        "resolver first and then the cluster-wide Service.\nExit: 0 printed, 2 the configuration has no such name, 3 "
        "usage.");
    add_config(app, c->config);
    add_read(app, "--for", "coredns (default), nodelocal (NodeLocal DNSCache) or ack (ACK's CustomDNSConfig)", "DNS",
             [c](const std::string& text) -> core::Message {
                 c->options.dns = text == "nodelocal" ? ClusterDns::kNodeLocal
                                  : text == "ack"     ? ClusterDns::kAck
                                                      : ClusterDns::kCoreDns;
                 return text == "coredns" || text == "nodelocal" || text == "ack"
                            ? ""
                            : "is none of coredns, nodelocal, ack";
             });
    const auto read_server = [](std::optional<core::SocketAddress>& to, const char* option) {
        return [&to, option](const std::string& text) -> core::Message {
            auto address = k8s::parse_resolver(text, option);
            if (!address) throw UsageError(address.error().whole());
            to = *address;
            return "";
        };
    };
    CLI::Option* node = add_read(app, "--node-address", "where each node's resolver listens (default 169.254.20.153)",
                                 "IP", read_server(c->node, "--node-address"));
    add_read(app, "--service", "address of the cluster-wide Service, asked when the node's does not answer", "IP",
             read_server(c->service, "--service"));
    add_repeated(app, "--bind",
                 "with --for nodelocal: what its other blocks bind (default 169.254.20.10); again for more", "IP",
                 kMaxBinds, [c](const std::string& text) -> core::Message {
                     const auto ip = core::IpAddress::parse(text);
                     if (ip) c->options.binds.push_back(*ip);
                     return ip && ip->is_host() ? "" : "is not an IP address";
                 });
    app->add_flag("--failover", c->options.failover,
                  "ask the next one also after SERVFAIL and REFUSED; older versions of CoreDNS don't know that word");
    app->callback([c, chosen, node] {
        if (!c->options.binds.empty() && c->options.dns != ClusterDns::kNodeLocal)
            throw UsageError("--bind", "belongs to --for nodelocal");
        if (c->options.failover && c->options.dns == ClusterDns::kAck)
            throw UsageError("--failover", "can't be said in a CustomDNSConfig");
        c->node_given = node->count() > 0;
        if (!c->node) c->node = core::SocketAddress::parse(kNodeAddress, 53);
        if (c->options.binds.empty()) c->options.binds.push_back(*core::IpAddress::parse(kNodeLocalAddress));
        chosen(*c);
    });
}

void add_manifests(CLI::App& root, const Chosen& chosen) {
    auto c = std::make_shared<K8sManifestsCommand>();
    CLI::App* app = root.add_subcommand(
        "manifests",
        "Print postern's objects for a cluster, with the links of the configuration: for kubectl apply -f -.\nExit: 0 "
        "printed, 2 the configuration has no link or does not fit, 3 usage or mistakes in the configuration.");
    add_config(app, c->config);
    add_read(app, "--objects",
             "nodes (default: a DaemonSet, and a Deployment behind a Service) or publisher (publish kubernetes)",
             "WHICH", [c](const std::string& text) -> core::Message {
                 c->objects = text == "publisher" ? k8s::Objects::kPublisher : k8s::Objects::kNodes;
                 return text == "nodes" || text == "publisher" ? "" : "is neither nodes nor publisher";
             });
    app->callback([c, chosen] { chosen(*c); });
}

void add_cluster(CLI::App& root, const Chosen& chosen, bool ack_dns) {
    auto c = std::make_shared<PublishClusterCommand>();
    c->ack_dns = ack_dns;
    c->common.follow_health = true;
    CLI::App* app = root.add_subcommand(
        ack_dns ? "ack-dns" : "kubernetes",
        ack_dns
            ? "The names as zones with hosts in ACK's CustomDNSConfig, for managed CoreDNS; what works there by the\n"
              "publisher's own probes. Zones of others stay; at most one write in 20 s.\nExit: 0 as it should be, 1 "
              "something is left as it is, 2 refused or failed, 3 usage or interrupted."
            : "Each link as a headless Service with EndpointSlices in a Kubernetes cluster, ready by the publisher's\n"
              "own probes. Of several publishers one writes; Services of others stay.\nExit: 0 as it should be, 1 "
              "something is left as it is, 2 refused or failed, 3 usage or interrupted.");
    add_config(app, c->common.config);
    app->add_option("LINK", c->common.link, "only the name of this link (default: all)")->type_name("");
    app->add_flag("-k,--keep", c->keep, "go on until SIGTERM: every change of an address or a verdict is written");
    app->add_flag("-n,--dry-run", c->common.dry_run, "print what would be written, write nothing");
    app->add_flag("--undo", c->common.undo, "take away exactly what postern made");
    app->add_flag("--json", c->common.json, "as JSON");
    add_read(app, "--namespace", "of the objects and the Lease (default: the pod's own)", "NAME",
             [c](const std::string& text) {
                 c->cluster.space = text;
                 return publish::check_object_name(text);
             });
    add_read(app, "--server", "the API server (default: the one of the pod's cluster)", "URL",
             [c](const std::string& text) {
                 c->cluster.server = text;
                 return check_base_url(text, false);
             });
    app->add_option("--token-file", c->cluster.token_file,
                    "read again when it changes (default: the pod's service account)")
        ->type_name("FILE");
    app->add_option("--ca-file", c->cluster.ca_file,
                    "certificates that the server's is checked by (default: the pod's)")
        ->type_name("FILE");
    add_read(app, "--publisher", "what the others know this publisher by (default: the host's or pod's name)", "NAME",
             [c](const std::string& text) {
                 c->publisher = text;
                 return check_link_name(text);
             });
    app->callback([c, chosen] {
        if (c->keep && (c->common.dry_run || c->common.undo))
            throw UsageError("--keep", "goes with neither --dry-run nor --undo");
        chosen(*c);
    });
}

}  // namespace

void add_publish_cluster(CLI::App& publish, const Chosen& chosen) {
    add_cluster(publish, chosen, false);
    add_cluster(publish, chosen, true);
}

void add_k8s_commands(CLI::App& root, const Chosen& chosen) {
    CLI::App* app = root.add_subcommand("k8s", "For a Kubernetes cluster.");
    app->set_help_flag("-h,--help", "this text");
    app->require_subcommand(1);
    add_corefile(*app, chosen);
    add_manifests(*app, chosen);
    add_k8s_node(*app, chosen);
}

}  // namespace postern::agent
