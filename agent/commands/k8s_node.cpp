// SPDX-License-Identifier: Apache-2.0
// `postern k8s node` and `postern k8s alive`: what a pod's init container and its liveness probe run.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "agent/client/console.h"
#include "agent/commands/cli.h"
#include "agent/net/node_interface.h"
#include "core/dns_exchange.h"
#include "core/file_system.h"
#include "core/random.h"

namespace postern::agent {
namespace {

constexpr mode_t kFolderMode = 0750;

core::Result<void> give_folder(const std::string& path, std::uint32_t owner) {
    if (auto made = core::make_folders(path, kFolderMode); !made) return made;
    struct stat found {};
    if (::lstat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == owner) return {};
    // While it is still ours: CAP_FOWNER is not needed.
    if (::chmod(path.c_str(), kFolderMode) == 0 && ::lchown(path.c_str(), owner, owner) == 0) return {};
    return core::fail(core::Code::kPermission, core::message("can't give the folder {} to user {}", path, owner),
                      "it needs root with CAP_CHOWN", errno);
}

/// "localhost. A": answered by the resolver itself, whatever its plan says.
core::Bytes alive_query() {
    static constexpr std::string_view kQuestion("\x09localhost\x00\x00\x01\x00\x01", 15);
    core::SystemRandom random;
    core::Bytes query(12);
    core::store_be16(query.data(), static_cast<std::uint16_t>(random.next64()));
    query[2] = 1;  // RD
    query[5] = 1;  // one question
    query.insert(query.end(), kQuestion.begin(), kQuestion.end());
    return query;
}

}  // namespace

int run_command(const K8sNodeCommand& command) {
    constexpr const char* kName = "k8s node";
    for (const auto& folder : command.folders) {
        if (const auto given = give_folder(folder, command.owner); !given) {
            complain(kName, given.error());
            return kExitFailed;
        }
    }
    if (!command.address) return kExitGood;
    if (const auto made = make_interface(command.interface_name, *command.address); !made) {
        complain(kName, made.error());
        return made.error().code == core::Code::kUsage ? kExitUnknown : kExitFailed;
    }
    return kExitGood;
}

int run_command(const K8sAliveCommand& command) {
    const auto reply = core::exchange_dns(command.server, alive_query(), command.timeout_us);
    if (reply) return kExitGood;
    complain("k8s alive", reply.error());
    return kExitUnknown;
}

}  // namespace postern::agent
