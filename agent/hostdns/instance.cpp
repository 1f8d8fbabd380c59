// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/instance.h"

#include <unistd.h>

#include <climits>
#include <cstring>
#include <map>
#include <sstream>

#include "core/file_system.h"
#include "core/folder.h"

namespace postern::agent {
namespace {

std::map<std::string, std::string> parts_of(const std::string& identity) {
    std::map<std::string, std::string> parts;
    std::istringstream words(identity);
    for (std::string word; words >> word;) {
        const std::size_t equal = word.find('=');
        if (equal != std::string::npos) parts[word.substr(0, equal)] = word.substr(equal + 1);
    }
    return parts;
}

/// The last error.
core::Result<void> remove_discarded(const Paths& paths, const std::function<void(const core::Message&)>& say) {
    core::Result<void> all;
    const auto note = [&](const core::Error& error) {
        say(error.whole());
        all = core::fail(error);
    };
    for (const auto& path : folders_of(paths)) {
        const auto folder = core::Folder::open(path);
        if (!folder && folder.error().code != core::Code::kFileMissing) note(folder.error());
        if (!folder) continue;
        for (const auto& name : folder->names()) {
            if (!discarded_on_clone(paths, path, name)) continue;
            if (const auto removed = folder->remove(name); !removed) note(removed.error());
        }
    }
    return all;
}

}  // namespace

std::string cloud_instance(const HostSystem& host) {
    const auto parts = parts_of(instance_identity(host));
    const auto found = parts.find("cloud-init");
    return found == parts.end() ? "" : found->second;
}

std::string host_name() {
    char name[HOST_NAME_MAX + 1] = "";
    return gethostname(name, sizeof name) == 0 ? std::string(name, strnlen(name, sizeof name)) : "";
}

std::string instance_identity(const HostSystem& host) {
    struct Source {
        const char* name;
        const char* path;
    };
    static constexpr Source kSources[] = {{"cloud-init", "/var/lib/cloud/data/instance-id"},
                                          {"product", "/sys/class/dmi/id/product_uuid"},
                                          {"machine", "/etc/machine-id"}};
    std::string identity;
    for (const auto& source : kSources) {
        std::istringstream text(host.read(source.path).value_or("").substr(0, 128));
        std::string word;
        if (!(text >> word) || word == "uninitialized") continue;
        identity += (identity.empty() ? "" : " ") + std::string(source.name) + "=" + word;
    }
    return identity;
}

bool other_machine(const std::string& saved, const std::string& now) {
    const auto before = parts_of(saved), present = parts_of(now);
    // The cloud's ID first: an image may keep machine-id, a resized instance may get a new product_uuid.
    for (const char* name : {"cloud-init", "product", "machine"}) {
        const auto a = before.find(name), b = present.find(name);
        if (a != before.end() && b != present.end()) return a->second != b->second;
    }
    return false;
}

core::Result<void> discard_other_machine(HostSystem& host, Takeover& takeover, const Paths& paths,
                                         const std::function<void(const core::Message&)>& say) {
    const std::string now = instance_identity(host);
    std::string saved = core::read_file(paths.instance, 4096).value_or("");
    saved = saved.substr(0, saved.find('\n'));
    core::Result<void> given, removed, remembered;
    if (other_machine(saved, now)) {
        say("the state here is of another machine (this is a clone of an image): it is discarded; "
            "to take over this host's DNS: postern dns enable");
        given = takeover.disable(false);
        // A clean exit would save the other machine's state; SIGKILL does not, and the service manager
        // restarts the agent.
        (void)host.act({"systemctl", "kill", "--signal=SIGKILL", "postern.service"}, {});
        removed = remove_discarded(paths, say);
        (void)host.act({"systemctl", "--no-block", "try-restart", "postern-resolver.service", "postern.service"}, {});
    }
    // Also after a failure: the next call must not discard what the agent has saved meanwhile. What could not be
    // restored is in the journal.
    if (now != saved && !now.empty())
        remembered = core::write_file(paths.instance, core::as_bytes(now + "\n"), 0644, true);
    return !given ? given : !removed ? removed : remembered;
}

}  // namespace postern::agent
