// SPDX-License-Identifier: Apache-2.0
#include "agent/text/dns_text.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ldns/ldns.h>

#include <algorithm>
#include <cstdlib>

namespace postern::agent {
namespace {

std::string taken(char* text) {
    std::string out = text != nullptr ? text : "";
    std::free(text);
    return out;
}

/// The offset after a name (labels or a pointer) that starts at `at`; wire.size() if it is cut off.
std::size_t skip_name(core::ByteView wire, std::size_t at) {
    while (at < wire.size()) {
        if ((wire[at] & 0xc0) == 0xc0) return std::min(at + 2, wire.size());
        if (wire[at] == 0) return at + 1;
        at += 1u + wire[at];
    }
    return wire.size();
}

}  // namespace

std::string name_text(core::ByteView wire) {
    std::string out;
    for (std::size_t at = 0; at < wire.size() && wire[at] != 0; at += 1u + wire[at]) {
        if (!out.empty()) out += '.';
        for (std::size_t i = 1; i <= wire[at] && at + i < wire.size(); ++i) {
            const std::uint8_t c = wire[at + i];
            if (c <= 0x20 || c >= 0x7f || c == '.' || c == '\\') {
                out += fmt::format("\\{:03}", c);
            } else {
                out += static_cast<char>(c);
            }
        }
    }
    return out.empty() ? "." : out;
}

std::vector<std::string> plan_records(const core::AnswerView& answer) {
    std::vector<std::string> out;
    std::size_t at = 0;
    for (std::uint16_t i = 0; i < answer.answers; ++i) {
        at = skip_name(answer.wire, at);
        if (at + 10 > answer.wire.size()) break;
        const std::uint16_t type = core::load_be16(&answer.wire[at]);
        const std::uint16_t size = core::load_be16(&answer.wire[at + 8]);
        at += 10;
        if (at + size > answer.wire.size()) break;
        char text[INET6_ADDRSTRLEN];
        if (type == 1 && size == 4) out.emplace_back(::inet_ntop(AF_INET, &answer.wire[at], text, sizeof text));
        if (type == 28 && size == 16) out.emplace_back(::inet_ntop(AF_INET6, &answer.wire[at], text, sizeof text));
        if (type == 12) out.push_back(name_text(answer.wire.subspan(at, size)));
        at += size;
    }
    return out;
}

std::string type_text(std::uint16_t type) {
    return taken(ldns_rr_type2str(static_cast<ldns_rr_type>(type)));
}

std::string rcode_text(std::uint16_t rcode) {
    constexpr std::uint16_t kMaxRcode = 10;  // in a header; ldns has no names above it (BADVERS, BADCOOKIE)
    if (rcode == 16) return "BADVERS";
    return rcode <= kMaxRcode ? taken(ldns_pkt_rcode2str(static_cast<ldns_pkt_rcode>(rcode)))
                              : fmt::format("RCODE{}", rcode);
}

}  // namespace postern::agent
