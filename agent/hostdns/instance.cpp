#include "agent/hostdns/instance.h"

#include <map>
#include <sstream>

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

}  // namespace

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
    // The cloud's own words first: an image may keep machine-id, a resized instance may get a new product_uuid.
    for (const char* name : {"cloud-init", "product", "machine"}) {
        const auto a = before.find(name), b = present.find(name);
        if (a != before.end() && b != present.end()) return a->second != b->second;
    }
    return false;
}

}  // namespace postern::agent
