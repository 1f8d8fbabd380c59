// SPDX-License-Identifier: Apache-2.0
// Makes plans and messages for tests with ldns, which is independent of the code under test.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/deleter.h"
#include "core/file_system.h"
#include "core/plan.h"

// Last, and its macros undone: with stdbool.h it makes "true" an int for the headers after it.
#include <ldns/ldns.h>
#undef true
#undef false
#undef bool

namespace postern::test {

using core::Deleter;
using LdnsPacket = std::unique_ptr<ldns_pkt, Deleter<ldns_pkt_free>>;

/// The message parsed by ldns; nullptr if it is malformed.
inline LdnsPacket parse(core::ByteView wire) {
    ldns_pkt* packet = nullptr;
    if (ldns_wire2pkt(&packet, wire.data(), wire.size()) != LDNS_STATUS_OK) return nullptr;
    return LdnsPacket(packet);
}

/// "db.example." → wire.
inline core::Bytes wire_name(const std::string& text) {
    ldns_rdf* rdf = ldns_dname_new_frm_str(text.c_str());
    if (rdf == nullptr) throw std::runtime_error("bad name " + text);
    const auto* data = ldns_rdf_data(rdf);
    core::Bytes out(data, data + ldns_rdf_size(rdf));
    ldns_rdf_deep_free(rdf);
    return out;
}

/// Records in presentation form → their wire without compression.
inline core::Bytes wire_records(const std::vector<std::string>& records) {
    core::Bytes out;
    for (const auto& text : records) {
        ldns_rr* rr = nullptr;
        if (ldns_rr_new_frm_str(&rr, text.c_str(), 0, nullptr, nullptr) != LDNS_STATUS_OK) {
            throw std::runtime_error("bad record " + text);
        }
        std::uint8_t* wire = nullptr;
        std::size_t size = 0;
        ldns_rr2wire(&wire, rr, LDNS_SECTION_ANSWER, &size);
        out.insert(out.end(), wire, wire + size);
        free(wire);
        ldns_rr_free(rr);
    }
    return out;
}

inline std::string soa_of(const std::string& name) {
    return name + " 5 IN SOA postern.invalid. nobody.invalid. 1 3600 600 86400 5";
}

inline core::PlanAnswer addresses_answer(const std::string& name, const std::string& type,
                                         const std::vector<std::string>& addresses) {
    std::vector<std::string> records;
    for (const auto& a : addresses)
        records.push_back(name + " 10 IN " + type + " " + a);
    core::PlanAnswer out;
    out.answers = static_cast<std::uint16_t>(addresses.size());
    out.wire = wire_records(records);
    return out;
}

/// A name with IPv4 addresses: `fresh` while verdicts are valid, `stale` after.
inline core::PlanOwner owner_of(const std::string& name, const std::vector<std::string>& fresh,
                                const std::vector<std::string>& stale, core::Micros verdicts_until) {
    core::PlanOwner o;
    o.name = wire_name(name);
    o.verdicts_until = verdicts_until;
    o.explain = "both addresses up; zone a first";
    const auto a_fresh = addresses_answer(name, "A", fresh), a_stale = addresses_answer(name, "A", stale);
    o.rrsets.push_back({LDNS_RR_TYPE_A, a_fresh, a_stale});
    o.rrsets.push_back({core::kTypeAny, a_fresh, a_stale});
    core::PlanAnswer soa;
    soa.wire = wire_records({soa_of(name)});
    soa.answers = 1;
    o.rrsets.push_back({LDNS_RR_TYPE_SOA, soa, soa});
    o.other.wire = wire_records({soa_of(name)});
    o.other.authorities = 1;
    return o;
}

inline core::Plan base_plan(std::uint64_t generation = 1) {
    core::Plan plan;
    plan.generation = generation;
    plan.boot_id = core::boot_id();
    plan.allow = {*core::IpPrefix::parse("127.0.0.0/8"), *core::IpPrefix::parse("::1/128")};
    plan.links = {{7, "tdengine-prod"}};
    return plan;
}

inline core::PlanView view_of(const core::Plan& plan) {
    auto bytes = core::serialize(plan);
    if (!bytes) throw std::runtime_error(bytes.error().text());
    auto view = core::PlanView::parse(std::move(*bytes));
    if (!view) throw std::runtime_error(std::string(core::to_string(view.error())));
    return std::move(*view);
}

/// A query as wire, and what can be changed about it.
struct Query {
    std::string name = "db.example.";
    std::uint16_t type = LDNS_RR_TYPE_A;
    std::uint16_t klass = LDNS_RR_CLASS_IN;
    std::uint16_t id = 0x1234;
    std::uint16_t flags = 0x0100;  // RD
    int edns_size = -1;            // -1: no OPT
    std::uint8_t edns_version = 0;
    bool dnssec_ok = false;
    core::Bytes edns_options;

    core::Bytes wire() const {
        core::Bytes out(12);
        core::store_be16(out.data(), id);
        core::store_be16(out.data() + 2, flags);
        core::store_be16(out.data() + 4, 1);
        const core::Bytes n = wire_name(name);
        out.insert(out.end(), n.begin(), n.end());
        for (const auto v : {type, klass}) {
            out.push_back(static_cast<std::uint8_t>(v >> 8));
            out.push_back(static_cast<std::uint8_t>(v));
        }
        if (edns_size >= 0) add_opt(out);
        return out;
    }
    void add_opt(core::Bytes& out) const {
        core::store_be16(out.data() + 10, static_cast<std::uint16_t>(core::load_be16(out.data() + 10) + 1));
        const auto size = static_cast<std::uint16_t>(edns_size);
        const std::size_t n = edns_options.size();
        const std::uint8_t opt[11] = {0,
                                      0,
                                      41,
                                      static_cast<std::uint8_t>(size >> 8),
                                      static_cast<std::uint8_t>(size),
                                      0,
                                      edns_version,
                                      static_cast<std::uint8_t>(dnssec_ok ? 0x80 : 0),
                                      0,
                                      static_cast<std::uint8_t>(n >> 8),
                                      static_cast<std::uint8_t>(n)};
        out.insert(out.end(), opt, opt + 11);
        out.insert(out.end(), edns_options.begin(), edns_options.end());
    }
};

/// A reply to `query` with the sections given; `opt`: with an OPT at the end.
inline core::Bytes reply_to(core::ByteView query, std::uint16_t rcode, const std::vector<std::string>& answers,
                            const std::vector<std::string>& authorities = {}, bool opt = true,
                            std::uint16_t flags = 0) {
    std::size_t question = 12;
    while (query[question] != 0)
        question += 1u + query[question];
    question += 5;
    core::Bytes out(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(question));
    core::store_be16(out.data() + 2,
                     static_cast<std::uint16_t>(0x8080 | (core::load_be16(query.data() + 2) & 0x0110) | rcode | flags));
    core::store_be16(out.data() + 6, static_cast<std::uint16_t>(answers.size()));
    core::store_be16(out.data() + 8, static_cast<std::uint16_t>(authorities.size()));
    core::store_be16(out.data() + 10, 0);
    for (const auto* section : {&answers, &authorities}) {
        const core::Bytes wire = wire_records(*section);
        out.insert(out.end(), wire.begin(), wire.end());
    }
    if (opt) {
        Query with;
        with.edns_size = 1232;
        with.add_opt(out);
    }
    return out;
}

}  // namespace postern::test
