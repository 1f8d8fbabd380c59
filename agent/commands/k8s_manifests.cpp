// SPDX-License-Identifier: Apache-2.0
// `postern k8s manifests`: the objects of postern in a cluster, with the links of a configuration.
#include "agent/client/console.h"
#include "agent/commands/cli.h"
#include "core/file_system.h"

namespace postern::agent {
namespace {

constexpr std::size_t kMaxFile = 1 << 20;
constexpr std::string_view kSecrets = "/var/run/secrets/";

}  // namespace

int run_command(const K8sManifestsCommand& command) {
    constexpr const char* kName = "k8s manifests";
    const auto file = core::read_file(command.config, kMaxFile);
    if (!file) {
        complain(kName, file.error());
        return kExitUnknown;
    }
    const auto config = parse_config(command.config, *file);
    if (!config) {
        complain_about(command.config, config.error());
        return kExitUnknown;
    }
    if (config->links.empty()) {
        complain(kName, core::Error{core::Code::kConfigBadValue, "the configuration has no link", "add a [[link]]", 0});
        return kExitFailed;
    }
    const k8s::PodConfig links = k8s::pod_config(*file);
    const std::string text = k8s::manifests(command.objects, links.text);
    for (const auto& in_pod : k8s::configs_of(text)) {
        const auto read = parse_config("postern.toml", in_pod);
        if (!read) complain_about("postern.toml", read.error());
        if (!read || read->links.size() != config->links.size()) {
            complain(
                kName,
                core::Error{core::Code::kConfigBadValue,
                            core::message("{} can't be put into a ConfigMap as it is", command.config),
                            "give a file with [aliyun], [fleet] and [[link]] alone, each table under a line of its own",
                            0});
            return kExitFailed;
        }
    }
    for (const auto& table : links.left_out)
        complain(kName, core::message("[{}] is left out: in a pod it is the objects' own", table));
    for (const auto& link : config->links) {
        if (!link.token.file.empty() && !link.token.file.starts_with(kSecrets))
            complain(kName, core::message("{}: token_file is not in the Secret, which pods have at {}postern",
                                          link.name, kSecrets));
    }
    print_data(text);
    return kExitGood;
}

}  // namespace postern::agent
