// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/curl_command.h"

#include <fmt/format.h>

#include "agent/faults/fault_text.h"

namespace postern::agent {

namespace {

std::string quoted(const std::string& word) {
    return command_line({word});
}

std::string command_with(const LinkStatus& link, std::string_view ip) {
    const RequestStatus& r = link.request;
    if (r.path.empty()) return "";
    const std::string& name = r.server_name.empty() ? link.host : r.server_name;
    const std::string url =
        fmt::format("https://{}{}{}", name, link.port == 443 ? "" : fmt::format(":{}", link.port), r.path);
    std::string out = fmt::format("curl -sS -m 10 --resolve {}{}", quoted(fmt::format("{}:{}:", name, link.port)), ip);
    if (!r.ca_file.empty()) out += " --cacert " + quoted(r.ca_file);
    if (name != link.host) out += " -H " + quoted("Host: " + link.host);
    if (!r.sql.empty()) out += " -d " + quoted(r.sql);
    if (link.kind != probe::Kind::kTdengine || !link.token_configured) return out + " " + quoted(url);
    // A shell expands the variable within double quotes only.
    return out + (quoted(url) == url ? fmt::format(" \"{}?token=$TOKEN\"", url)
                                     : fmt::format(" {}\"?token=$TOKEN\"", quoted(url)));
}

}  // namespace

std::string curl_command(const LinkStatus& link, const core::IpAddress& ip) {
    return command_with(link, ip.is_v6() ? "'[" + ip.text() + "]'" : ip.text());
}

std::string curl_template(const LinkStatus& link) {
    return command_with(link, "{ip}");
}

}  // namespace postern::agent
