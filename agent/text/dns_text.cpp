#include "agent/text/dns_text.h"

#include <fmt/format.h>
#include <ldns/ldns.h>

#include <cstdlib>

namespace postern::agent {
namespace {

std::string taken(char* text) {
    std::string out = text != nullptr ? text : "";
    std::free(text);
    return out;
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
