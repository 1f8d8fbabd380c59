// SPDX-License-Identifier: Apache-2.0
// Names and addresses as a file for other programs: JSON, lines as in /etc/hosts, or ExternalDNS's DNSEndpoint. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/endpoint/endpoint_set.h"
#include "core/clock.h"
#include "core/message.h"

namespace postern::agent::publish {

enum class Form { kJson, kHosts, kDnsEndpoint };

struct PublishedName {
    std::string link, host;
    EndpointSet addresses;
};

struct DocumentOptions {
    int ttl_s = 30;                // kJson, kDnsEndpoint
    std::string name = "postern";  // kDnsEndpoint: metadata.name
    std::string space;             // kDnsEndpoint: metadata.namespace; "": none is written
};

/// The file's content. `changed_wall_us`: when the addresses last changed, to the second; only JSON tells it.
std::string document(Form form, const std::vector<PublishedName>& names, core::Micros changed_wall_us,
                     const DocumentOptions& options);

/// Whether postern wrote this text in that form; another program's file is never replaced.
bool is_ours(Form form, std::string_view text);
/// When the text says that its addresses last changed; 0 if it does not.
core::Micros changed_in(Form form, std::string_view text);
/// Whether the text has the name.
bool mentions(std::string_view text, std::string_view host);

/// Names of Kubernetes objects (RFC 1123): "" or what is wrong.
core::Message check_object_name(std::string_view text);

}  // namespace postern::agent::publish
