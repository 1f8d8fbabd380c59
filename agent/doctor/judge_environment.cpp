// What stands between programs and the gateway without being part of the way.
#include <algorithm>

#include "agent/doctor/judge.h"

namespace postern::agent::doctor {

namespace {

bool ends_with_domain(const std::string& name, std::string_view domain) {
    if (domain.starts_with('.')) domain.remove_prefix(1);
    if (domain.empty() || name.size() < domain.size() || !name.ends_with(domain)) return false;
    return name.size() == domain.size() || name[name.size() - domain.size() - 1] == '.';
}

/// As curl reads it: names and domains separated by commas, "*" for all.
bool left_out(const std::string& no_proxy, const std::string& name) {
    std::string_view rest = no_proxy;
    while (!rest.empty()) {
        const auto end = rest.find_first_of(", ");
        const auto word = rest.substr(0, end);
        if (word == "*" || ends_with_domain(name, word)) return true;
        if (end == std::string_view::npos) break;
        rest.remove_prefix(end + 1);
    }
    return false;
}

/// "http://user:password@proxy:3128" without what is between // and @.
std::string without_password(std::string url) {
    const auto at = url.rfind('@');
    const auto scheme = url.find("//");
    if (at == std::string::npos) return url;
    return (scheme == std::string::npos ? "" : url.substr(0, scheme + 2)) + url.substr(at + 1);
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

}  // namespace

Findings judge_environment(const HostSeen& host, const std::vector<std::string>& names, bool upstreams_fail) {
    Findings out;
    std::string no_proxy;
    for (const auto& [name, value] : host.environment) {
        if (lower(name) == "no_proxy") no_proxy = value;
    }
    for (const auto& [variable, value] : host.environment) {
        const std::string kind = lower(variable);
        if ((kind != "https_proxy" && kind != "all_proxy") || value.empty()) continue;
        for (const auto& name : names) {
            if (left_out(no_proxy, name)) continue;
            out.push_back(found("PN-ENV-PROXY", {}, {},
                                {{"variable", variable}, {"name", name}, {"proxy", without_password(value)}}));
            break;
        }
    }
    if (host.nscd) out.push_back(found("PN-ENV-NSCD", {}, {}, {}));
    const auto tailscale = std::find_if(host.interfaces.begin(), host.interfaces.end(),
                                        [](const auto& name) { return name.starts_with("tailscale"); });
    if (upstreams_fail && tailscale != host.interfaces.end())
        out.push_back(found("PN-ENV-TAILSCALE", {}, {}, {{"interface", *tailscale}}));
    if (out.empty()) out.push_back(passed(Step::kEnvironment, {}, {}, {}));
    return out;
}

}  // namespace postern::agent::doctor
