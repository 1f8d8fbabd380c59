// SPDX-License-Identifier: Apache-2.0
// One DNS query to postern-resolver from the command line, with the option that asks for its explanation. Packets are
// built and parsed by ldns: the reply is our own resolver's, and the process is short-lived.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "core/ip_address.h"

namespace postern::agent {

struct DnsRecord {
    std::string name, type, data;
    std::uint32_t ttl = 0;
};

struct DnsReply {
    std::string question, type;
    core::SocketAddress server;
    bool tcp = false;
    core::Micros took_us = 0;
    int rcode = 0;
    std::string rcode_name;
    std::vector<DnsRecord> answers, authority;
    std::vector<std::pair<int, std::string>> ede;                  // code, text
    std::vector<std::pair<std::string, std::string>> explanation;  // key, value; empty: not postern's resolver
};

/// kUsage for an invalid name or type; kTimeout or kSocket if there is no answer.
core::Result<DnsReply> ask_dns(const core::SocketAddress& server, const std::string& name, const std::string& type,
                               core::Micros timeout_us);

/// EDE text: "Network Error" for 23.
std::string_view ede_name(int code);
/// `key=value key="quoted value"`.
std::vector<std::pair<std::string, std::string>> parse_words(std::string_view text);

}  // namespace postern::agent
