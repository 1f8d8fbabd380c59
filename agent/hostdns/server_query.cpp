// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/server_query.h"

#include <algorithm>

#include "core/dns_exchange.h"
#include "core/random.h"

namespace postern::agent {
namespace {

using core::Code;
using core::fail;

constexpr std::uint16_t kA = 1, kAaaa = 28;
constexpr std::size_t kHeader = 12;

core::Result<core::Bytes> build_query(std::string_view name, std::uint16_t type, std::uint16_t id) {
    core::Bytes out = {0, 0, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0};  // RD, one question
    core::store_be16(out.data(), id);
    std::string_view left = name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
    while (!left.empty()) {
        const std::string_view label = left.substr(0, left.find('.'));
        if (label.empty() || label.size() > 63 || out.size() + label.size() > kHeader + 253)
            return fail(Code::kUsage, core::message("\"{}\" is not a DNS name", name));
        out.push_back(static_cast<std::uint8_t>(label.size()));
        out.insert(out.end(), label.begin(), label.end());
        left.remove_prefix(std::min(left.size(), label.size() + 1));
    }
    const std::uint8_t end[] = {0, 0, static_cast<std::uint8_t>(type), 0, 1};
    out.insert(out.end(), std::begin(end), std::end(end));
    return out;
}

void skip_name(core::ByteReader& in) {
    for (;;) {
        const std::uint8_t length = in.u8();
        if (length >= 0xc0) in.take(1);
        if (!in.ok() || length == 0 || length >= 0xc0) return;
        in.take(length);
    }
}

/// Adds the addresses; false if it is not a DNS message.
bool read_addresses(core::ByteView reply, std::uint16_t type, std::vector<core::IpAddress>& out) {
    core::ByteReader in(reply);
    in.take(4);
    const std::uint16_t questions = in.be16(), answers = in.be16();
    in.take(4);
    for (int i = 0; i < questions && in.ok(); ++i) {
        skip_name(in);
        in.take(4);
    }
    for (int i = 0; i < answers && in.ok(); ++i) {
        skip_name(in);
        const std::uint16_t found = in.be16();
        in.take(6);  // class and TTL
        const core::ByteView data = in.take(in.be16());
        if (found != type) continue;
        if (type == kA && data.size() == 4) out.push_back(core::IpAddress::v4(core::load_be32(data.data())));
        if (type == kAaaa && data.size() == 16) {
            std::array<std::uint8_t, 16> bytes;
            std::copy(data.begin(), data.end(), bytes.begin());
            out.push_back(core::IpAddress::v6(bytes));
        }
    }
    return in.ok();
}

}  // namespace

core::Result<ListenerAnswer> ask_server(const core::SocketAddress& server, const std::string& name,
                                        core::Micros timeout_us) {
    core::SystemRandom random;
    ListenerAnswer answer;
    for (const std::uint16_t type : {kA, kAaaa}) {
        const auto query = build_query(name, type, random.next16());
        if (!query) return fail(query.error());
        const auto exchanged = core::exchange_dns(server, *query, timeout_us);
        if (!exchanged) return fail(exchanged.error());
        answer.rcode = exchanged->reply[3] & 0x0f;
        if (!read_addresses(exchanged->reply, type, answer.addresses))
            return fail(Code::kDnsFailed, core::message("{} answered with what is not DNS", server.text()));
        if (answer.rcode != 0 || name == kLocalName) break;
    }
    return answer;
}

}  // namespace postern::agent
