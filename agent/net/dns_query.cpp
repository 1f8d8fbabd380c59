// SPDX-License-Identifier: Apache-2.0
#include "agent/net/dns_query.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>

#include "agent/text/dns_text.h"
#include "core/bytes.h"
#include "core/deleter.h"
#include "core/dns_exchange.h"
#include "core/random.h"

#include <ldns/ldns.h>  // last, and without its own bool, true and false
#undef bool
#undef true
#undef false

namespace postern::agent {

using core::Code;
using core::fail;

namespace {

constexpr std::uint16_t kOptionExplain = 65001;
constexpr std::uint16_t kOptionEde = 15;

using core::Deleter;
using Packet = std::unique_ptr<ldns_pkt, Deleter<ldns_pkt_free>>;
using Rdf = std::unique_ptr<ldns_rdf, Deleter<ldns_rdf_deep_free>>;
using CText = std::unique_ptr<char, Deleter<std::free>>;

std::string taken(char* text) {
    const CText owned(text);
    return owned ? std::string(owned.get()) : std::string();
}

Rdf question_name(const std::string& name) {
    if (const auto ip = core::IpAddress::parse(name)) {
        const Rdf address(ldns_rdf_new_frm_str(ip->is_v6() ? LDNS_RDF_TYPE_AAAA : LDNS_RDF_TYPE_A, name.c_str()));
        return Rdf(address ? ldns_rdf_address_reverse(address.get()) : nullptr);
    }
    return Rdf(ldns_dname_new_frm_str(name.c_str()));
}

core::Result<core::Bytes> build_query(const std::string& name, const std::string& type, std::uint16_t id) {
    Rdf owner = question_name(name);
    if (!owner) return fail(Code::kUsage, core::message("\"{}\" is not a DNS name", name));
    const ldns_rr_type rr_type = ldns_get_rr_type_by_name(type.c_str());
    if (rr_type == 0 || rr_type > UINT16_MAX)  // TYPE70000 is a number to ldns, and would be cut
        return fail(Code::kUsage, core::message("\"{}\" is not a record type", type), "A, AAAA, PTR, SOA, TXT, ANY, …");
    Packet packet(ldns_pkt_query_new(owner.release(), rr_type, LDNS_RR_CLASS_IN, LDNS_RD));
    if (!packet) return fail(Code::kInternal, "can't build the query");
    ldns_pkt_set_id(packet.get(), id);
    ldns_pkt_set_edns_udp_size(packet.get(), 1232);
    std::uint8_t option[4];
    core::store_be16(option, kOptionExplain);
    core::store_be16(option + 2, 0);
    ldns_pkt_set_edns_data(packet.get(), ldns_rdf_new_frm_data(LDNS_RDF_TYPE_UNKNOWN, sizeof option, option));
    std::uint8_t* wire = nullptr;
    std::size_t size = 0;
    if (ldns_pkt2wire(&wire, packet.get(), &size) != LDNS_STATUS_OK)
        return fail(Code::kInternal, "can't build the query");
    core::Bytes out(wire, wire + size);
    std::free(wire);
    return out;
}

std::vector<DnsRecord> records_of(const ldns_rr_list* list) {
    std::vector<DnsRecord> out;
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(list); ++i) {
        const ldns_rr* rr = ldns_rr_list_rr(list, i);
        DnsRecord record;
        record.name = taken(ldns_rdf2str(ldns_rr_owner(rr)));
        record.type = taken(ldns_rr_type2str(ldns_rr_get_type(rr)));
        record.ttl = ldns_rr_ttl(rr);
        for (std::size_t field = 0; field < ldns_rr_rd_count(rr); ++field) {
            record.data += (field == 0 ? "" : " ") + taken(ldns_rdf2str(ldns_rr_rdf(rr, field)));
        }
        out.push_back(std::move(record));
    }
    return out;
}

void read_options(ldns_pkt* packet, DnsReply& reply) {
    const ldns_rdf* data = ldns_pkt_edns_data(packet);
    if (data == nullptr) return;
    core::ByteReader in({ldns_rdf_data(data), ldns_rdf_size(data)});
    while (in.remaining() >= 4) {
        const std::uint16_t code = in.be16();
        const core::ByteView value = in.take(in.be16());
        if (!in.ok()) return;
        if (code == kOptionEde && value.size() >= 2) {
            reply.ede.emplace_back(core::load_be16(value.data()), std::string(core::as_text(value.subspan(2))));
        } else if (code == kOptionExplain) {
            reply.explanation = parse_words(core::as_text(value));
        }
    }
}

}  // namespace

core::Result<DnsReply> ask_dns(const core::SocketAddress& server, const std::string& name, const std::string& type,
                               core::Micros timeout_us) {
    core::SystemRandom random;
    const auto query = build_query(name, type, random.next16());
    if (!query) return fail(query.error());
    DnsReply out;
    out.server = server;
    out.type = type;
    const core::Micros begin = core::now_mono_us();
    const auto exchanged = core::exchange_dns(server, *query, timeout_us);
    if (!exchanged) return fail(exchanged.error());
    out.tcp = exchanged->tcp;
    out.took_us = core::now_mono_us() - begin;

    ldns_pkt* parsed = nullptr;
    if (const auto status = ldns_wire2pkt(&parsed, exchanged->reply.data(), exchanged->reply.size());
        status != LDNS_STATUS_OK) {
        return fail(Code::kDnsFailed, core::message("{} sent a reply that can't be read: {}", server.text(),
                                                    ldns_get_errorstr_by_id(status)));
    }
    const Packet packet(parsed);
    out.rcode = ldns_pkt_get_rcode(parsed) | ldns_pkt_edns_extended_rcode(parsed) << 4;
    out.rcode_name = rcode_text(static_cast<std::uint16_t>(out.rcode));
    const ldns_rr_list* question = ldns_pkt_question(parsed);
    out.question =
        ldns_rr_list_rr_count(question) > 0 ? taken(ldns_rdf2str(ldns_rr_owner(ldns_rr_list_rr(question, 0)))) : name;
    out.answers = records_of(ldns_pkt_answer(parsed));
    out.authority = records_of(ldns_pkt_authority(parsed));
    read_options(parsed, out);
    return out;
}

std::string_view ede_name(int code) {
    switch (code) {
        case 0:
            return "Other Error";
        case 3:
            return "Stale Answer";
        case 13:
            return "Cached Error";
        case 14:
            return "Not Ready";
        case 18:
            return "Prohibited";
        case 19:
            return "Stale NXDOMAIN Answer";
        case 20:
            return "Not Authoritative";
        case 22:
            return "No Reachable Authority";
        case 23:
            return "Network Error";
        default:
            return "";
    }
}

std::vector<std::pair<std::string, std::string>> parse_words(std::string_view text) {
    std::vector<std::pair<std::string, std::string>> out;
    std::size_t at = 0;
    while (at < text.size()) {
        const auto equals = text.find('=', at);
        if (equals == std::string_view::npos) break;
        std::string key(text.substr(at, equals - at)), value;
        at = equals + 1;
        if (at < text.size() && text[at] == '"') {
            for (++at; at < text.size() && text[at] != '"'; ++at) {
                if (text[at] == '\\' && at + 1 < text.size()) ++at;
                value += text[at];
            }
            ++at;
        } else {
            const auto end = std::min(text.find(' ', at), text.size());
            value = text.substr(at, end - at);
            at = end;
        }
        while (at < text.size() && text[at] == ' ')
            ++at;
        out.emplace_back(std::move(key), std::move(value));
    }
    return out;
}

}  // namespace postern::agent
