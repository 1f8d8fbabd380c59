// SPDX-License-Identifier: Apache-2.0
// The options of `postern k8s node` and `postern k8s alive`.
#include <limits>
#include <memory>
#include <utility>

#include "agent/commands/cli_builder.h"

namespace postern::agent {
namespace {

constexpr std::size_t kMaxFolders = 8;
constexpr std::uint16_t kDnsPort = 53;

core::Message read_owner(const std::string& text, std::uint32_t& out) {
    return read_number(text, 1u, std::numeric_limits<std::uint32_t>::max() - 1, out);
}

void add_node(CLI::App& root, const Chosen& chosen) {
    auto c = std::make_shared<K8sNodeCommand>();
    CLI::App* app = root.add_subcommand(
        "node",
        "Prepare a node so that postern runs there without root. An init container runs this, as root with NET_ADMIN and\n"
        "CHOWN. What is already there stays.\nExit: 0 the node is prepared, 2 failed, 3 usage.");
    add_read(app, "--address", "make an interface with this address, for the node's resolver to listen on", "IP",
             [c](const std::string& text) {
                 c->address = core::IpAddress::parse(text);
                 return core::Message(c->address && c->address->is_host() ? "" : "is not an IP address");
             });
    app->add_option("--interface", c->interface_name, "its name (default postern-pods)")->type_name("NAME");
    add_repeated(app, "--folder", "make this folder and give it to --owner; again for more", "FOLDER", kMaxFolders,
                 [c](const std::string& text) {
                     c->folders.push_back(text);
                     return core::Message(text.starts_with('/') ? "" : "does not start with /");
                 });
    add_read(app, "--owner", "user and group of the folders (default 10053, the image's)", "UID",
             [c](const std::string& text) { return read_owner(text, c->owner); });
    app->callback([c, chosen] {
        if (!c->address && c->folders.empty()) throw UsageError("give --address, --folder or both");
        chosen(*c);
    });
}

void add_alive(CLI::App& root, const Chosen& chosen) {
    auto c = std::make_shared<K8sAliveCommand>();
    CLI::App* app = root.add_subcommand(
        "alive",
        "Check whether the resolver answers at all, whatever the answer: for a liveness probe, which must not restart it\n"
        "for a fault that a restart does not repair.\nExit: 0 it answers, 3 it does not.");
    add_read(app, "--server", "where it listens", "IP[:PORT]", [c](const std::string& text) {
        const auto server = core::SocketAddress::parse(text, kDnsPort);
        if (server) c->server = *server;
        return core::Message(server ? "" : "is not an IP address with a port or without");
    })->required();
    add_read(app, "--timeout", "how long to wait (default 3s)", "TIME", [c](const std::string& text) {
        const auto timeout = parse_duration(text);
        if (timeout) c->timeout_us = *timeout;
        return core::Message(timeout && *timeout > 0 && *timeout <= core::kMinute ? "" : "is not a time up to 1m");
    });
    app->callback([c, chosen] { chosen(*c); });
}

}  // namespace

void add_k8s_node(CLI::App& k8s, const Chosen& chosen) {
    add_node(k8s, chosen);
    add_alive(k8s, chosen);
}

}  // namespace postern::agent
