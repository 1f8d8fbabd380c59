// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/java_cache.h"

#include <charconv>
#include <optional>
#include <utility>

#include "core/text.h"

namespace postern::agent::doctor {

namespace {

constexpr std::string_view kTtl = "networkaddress.cache.ttl";
constexpr std::string_view kBlanks = " \t\f\r";

/// The last value of a key in a .properties file: "key=value", "key: value", "key value"; # and ! begin comments; a
/// backslash at the end of a line continues it.
std::optional<std::string> property(std::string_view text, std::string_view key) {
    std::optional<std::string> out;
    std::string line;
    while (!text.empty()) {
        const auto end = text.find('\n');
        std::string_view part = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (part.ends_with('\r')) part.remove_suffix(1);
        line += core::trimmed(part, kBlanks);
        if (line.ends_with('\\') && !line.starts_with('#') && !line.starts_with('!')) {
            line.pop_back();
            continue;
        }
        const std::string whole = std::exchange(line, {});
        if (whole.starts_with('#') || whole.starts_with('!') || !std::string_view(whole).starts_with(key)) continue;
        std::string_view value = std::string_view(whole).substr(key.size());
        if (!value.empty() && kBlanks.find(value.front()) == std::string_view::npos && value.front() != '=' &&
            value.front() != ':')
            continue;  // a longer key
        value = core::trimmed(value, kBlanks);
        if (value.starts_with('=') || value.starts_with(':')) value = core::trimmed(value.substr(1), kBlanks);
        out = std::string(value);
    }
    return out;
}

bool is_negative(std::string_view value) {
    int seconds = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    return error == std::errc{} && end == value.data() + value.size() && seconds < 0;
}

/// What is behind "-DNAME="; nullopt without it. The last one counts.
std::optional<std::string> option(const std::vector<std::string>& command, std::string_view name) {
    std::optional<std::string> out;
    for (const auto& word : command) {
        std::string_view rest = word;
        if (!rest.starts_with("-D") || !rest.substr(2).starts_with(name)) continue;
        rest.remove_prefix(2 + name.size());
        if (rest.empty()) out = "";
        if (rest.starts_with('=')) out = std::string(rest.substr(1));
    }
    return out;
}

}  // namespace

std::vector<std::string> security_files(const std::string& java_home) {
    return {java_home + "/conf/security/java.security", java_home + "/lib/security/java.security",
            java_home + "/jre/lib/security/java.security"};
}

std::string own_security_file(const std::vector<std::string>& command) {
    std::string path = option(command, "java.security.properties").value_or("");
    if (path.starts_with('=')) path.erase(0, 1);  // "==": in place of the others
    return path.starts_with("file:") ? path.substr(5) : path;
}

std::string keeps_for_ever(const std::vector<std::string>& command, std::string_view security, std::string_view own) {
    std::optional<std::string> set = property(own, kTtl);
    if (!set) set = property(security, kTtl);
    if (set && !set->empty()) return is_negative(*set) ? std::string(kTtl) + "=" + *set : "";
    if (const auto ttl = option(command, "sun.net.inetaddr.ttl"); ttl && !ttl->empty())
        return is_negative(*ttl) ? "-Dsun.net.inetaddr.ttl=" + *ttl : "";
    // With a security manager, without either: the default of Java 8 to 17.
    const auto manager = option(command, "java.security.manager");
    if (manager && *manager != "disallow" && *manager != "allow") return "-Djava.security.manager";
    return "";
}

}  // namespace postern::agent::doctor
