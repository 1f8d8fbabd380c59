// SPDX-License-Identifier: Apache-2.0
#include "agent/steering/plan_compiler.h"

#include <netinet/in.h>  // ldns.h needs in_addr and does not include it

#include <ldns/ldns.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "core/deleter.h"

namespace postern::agent {
namespace {

using core::Bytes;
using core::Code;
using core::PlanAnswer;
using core::Result;

using core::Deleter;
using Packet = std::unique_ptr<ldns_pkt, Deleter<ldns_pkt_free>>;
using Rr = std::unique_ptr<ldns_rr, Deleter<ldns_rr_free>>;
using Rdf = std::unique_ptr<ldns_rdf, Deleter<ldns_rdf_deep_free>>;

constexpr std::uint32_t kNegativeTtl = 5;  // "no AAAA" for a private name must not be cached for long
constexpr std::size_t kHeaderAndTypeClass = 12 + 4;

Rdf name_rdf(const std::string& name) {
    ldns_rdf* rdf = nullptr;
    if (ldns_str2rdf_dname(&rdf, (name + ".").c_str()) != LDNS_STATUS_OK) return nullptr;
    return Rdf(rdf);
}

Rr make_rr(const ldns_rdf* owner, ldns_rr_type type, std::uint32_t ttl) {
    Rr rr(ldns_rr_new());
    ldns_rr_set_owner(rr.get(), ldns_rdf_clone(owner));
    ldns_rr_set_type(rr.get(), type);
    ldns_rr_set_class(rr.get(), LDNS_RR_CLASS_IN);
    ldns_rr_set_ttl(rr.get(), ttl);
    return rr;
}

void push(ldns_rr* rr, Rdf rdf) {
    ldns_rr_push_rdf(rr, rdf.release());
}

Rr address_rr(const ldns_rdf* owner, const core::IpAddress& ip, std::uint32_t ttl) {
    Rr rr = make_rr(owner, ip.is_v6() ? LDNS_RR_TYPE_AAAA : LDNS_RR_TYPE_A, ttl);
    push(rr.get(), Rdf(ldns_rdf_new_frm_data(ip.is_v6() ? LDNS_RDF_TYPE_AAAA : LDNS_RDF_TYPE_A, ip.size(), ip.data())));
    return rr;
}

Rr ptr_rr(const ldns_rdf* owner, const std::string& target, std::uint32_t ttl) {
    Rr rr = make_rr(owner, LDNS_RR_TYPE_PTR, ttl);
    push(rr.get(), name_rdf(target));
    return rr;
}

/// The zone's apex is the name itself: postern owns exactly that name, nothing below it.
Rr soa_rr(const ldns_rdf* owner, std::uint32_t ttl, std::uint32_t serial) {
    Rr rr = make_rr(owner, LDNS_RR_TYPE_SOA, ttl);
    push(rr.get(), Rdf(ldns_rdf_clone(owner)));
    push(rr.get(), name_rdf("nobody.invalid"));
    for (const std::uint32_t number : {serial, 3600u, 600u, 86400u, kNegativeTtl}) {
        push(rr.get(), Rdf(ldns_native2rdf_int32(LDNS_RDF_TYPE_INT32, number)));
    }
    return rr;
}

/// ldns builds the whole message; only the part after the question is kept.
Result<PlanAnswer> build(const ldns_rdf* owner, ldns_rr_type type, std::vector<Rr> answers, std::vector<Rr> authority) {
    PlanAnswer out;
    out.answers = static_cast<std::uint16_t>(answers.size());
    out.authorities = static_cast<std::uint16_t>(authority.size());
    const Packet packet(ldns_pkt_query_new(ldns_rdf_clone(owner), type, LDNS_RR_CLASS_IN, LDNS_QR));
    if (!packet) return core::fail(Code::kInternal, "out of memory while building an answer");
    for (auto& rr : answers)
        ldns_pkt_push_rr(packet.get(), LDNS_SECTION_ANSWER, rr.release());
    for (auto& rr : authority)
        ldns_pkt_push_rr(packet.get(), LDNS_SECTION_AUTHORITY, rr.release());
    std::uint8_t* wire = nullptr;
    std::size_t size = 0;
    const ldns_status status = ldns_pkt2wire(&wire, packet.get(), &size);
    const std::unique_ptr<std::uint8_t, Deleter<free>> owned(wire);
    const std::size_t question_end = kHeaderAndTypeClass + ldns_rdf_size(owner);
    if (status != LDNS_STATUS_OK || size < question_end) {
        return core::fail(Code::kTooLarge,
                          std::string("ldns cannot build an answer: ") + ldns_get_errorstr_by_id(status));
    }
    out.wire.assign(wire + question_end, wire + size);
    return out;
}

Bytes wire_name(const ldns_rdf* name) {
    Bytes out(ldns_rdf_data(name), ldns_rdf_data(name) + ldns_rdf_size(name));
    for (std::size_t at = 0; at < out.size() && out[at] != 0; at += out[at] + 1u) {
        for (std::size_t i = at + 1; i <= at + out[at]; ++i) {
            if (out[i] >= 'A' && out[i] <= 'Z') out[i] = static_cast<std::uint8_t>(out[i] - 'A' + 'a');
        }
    }
    return out;
}

std::string reverse_name(const core::IpAddress& ip) {
    std::string out;
    if (ip.is_v6()) {
        for (std::size_t i = 16; i-- > 0;) {
            const unsigned byte = ip.data()[i];
            for (const unsigned nibble : {byte & 15u, byte >> 4u}) {
                out += "0123456789abcdef"[nibble];
                out += '.';
            }
        }
        return out + "ip6.arpa";
    }
    for (std::size_t i = 4; i-- > 0;)
        out += std::to_string(ip.data()[i]) + '.';
    return out + "in-addr.arpa";
}

std::uint32_t stable_id(std::string_view text) {
    const std::uint64_t crc = core::crc64(core::as_bytes(text));
    const auto id = static_cast<std::uint32_t>(crc ^ (crc >> 32));
    return id == 0 ? 1 : id;  // 0 marks a free slot in the statistics
}

/// Names in the PTR answer of an address: this many names of maximum length fit into a message.
constexpr std::size_t kMaxPtrs = 200;

class Compiler {
  public:
    explicit Compiler(const PlanInput& input)
        : input_(input),
          ttl_(static_cast<std::uint32_t>(std::max<Micros>(1, input.dns.ttl_us / core::kSecond))),
          serial_(static_cast<std::uint32_t>(input.now_wall_us / core::kSecond)) {}

    Result<core::Plan> run() {
        plan_.generation = input_.generation;
        plan_.boot_id = input_.boot_id;
        plan_.created_wall_us = input_.now_wall_us;
        plan_.membership = membership_of(input_);
        plan_.settings.cache_bytes = input_.dns.cache_bytes;
        plan_.settings.serve_stale_s = static_cast<std::uint64_t>(input_.dns.serve_stale_us / core::kSecond);
        plan_.settings.upstream_budget_ms = input_.upstream_budget_ms;
        plan_.settings.client_patience_ms = input_.client_patience_ms;
        plan_.settings.query_log_sample = input_.dns.query_log_sample;
        plan_.settings.forward_test = input_.dns.forward_test ? 1 : 0;
        plan_.settings.trust_ad = input_.dns.trust_ad ? 1 : 0;
        plan_.listen = input_.dns.listen;
        plan_.allow = input_.dns.allow;
        for (const auto& u : input_.upstreams)
            plan_.upstreams.push_back({upstream_id(u), u});
        for (const auto& link : input_.links) {
            plan_.links.push_back({link_id(link.name), link.name});
            for (core::PlanTarget target : link.targets) {
                target.link = static_cast<std::uint32_t>(plan_.links.size() - 1);
                plan_.targets.push_back(target);
            }
            if (!link.answer) continue;
            if (auto added = add_forward(link); !added) return core::fail(added.error());
            for (const auto& a : link.addresses)
                names_of_[a.ip].emplace(link.host, plan_.links.size() - 1);
        }
        for (const auto& [ip, names] : names_of_) {
            if (auto added = add_reverse(ip, names); !added) return core::fail(added.error());
        }
        return std::move(plan_);
    }

  private:
    std::vector<Rr> one(Rr rr) {
        std::vector<Rr> out;
        out.push_back(std::move(rr));
        return out;
    }

    Result<PlanAnswer> nodata(const ldns_rdf* owner) {
        return build(owner, LDNS_RR_TYPE_TXT, {}, one(soa_rr(owner, kNegativeTtl, serial_)));
    }

    /// Answers built for one name: the question's type is not part of an answer's bytes, so the same addresses give
    /// the same answer - usually A, ANY, fresh and stale share all.
    using Built = std::vector<std::pair<std::vector<core::IpAddress>, PlanAnswer>>;

    /// The addresses of one family (or both, for ANY) from `order`, as an answer.
    Result<PlanAnswer> addresses(const ldns_rdf* owner, std::uint16_t type, const std::vector<core::IpAddress>& order,
                                 Built& built) {
        std::vector<core::IpAddress> chosen;
        for (const auto& ip : order) {
            if (type == core::kTypeAny || (type == LDNS_RR_TYPE_AAAA) == ip.is_v6()) chosen.push_back(ip);
        }
        // No address of this family is answered: the client uses the other family.
        if (chosen.empty()) return nodata(owner);
        for (const auto& [same, answer] : built) {
            if (same == chosen) return answer;
        }
        std::vector<Rr> rrs;
        for (const auto& ip : chosen)
            rrs.push_back(address_rr(owner, ip, ttl_));
        auto answer = build(owner, static_cast<ldns_rr_type>(type), std::move(rrs), {});
        if (answer) built.emplace_back(std::move(chosen), *answer);
        return answer;
    }

    Result<void> add_forward(const PlanLinkInput& link) {
        const Rdf name = name_rdf(link.host);
        if (!name) {
            return core::fail(Code::kConfigBadValue,
                              core::message("link {}: \"{}\" is not a DNS name", link.name, link.host),
                              "copy the private DNS name from the console");
        }
        core::PlanOwner owner;
        owner.name = wire_name(name.get());
        owner.link = static_cast<std::uint32_t>(plan_.links.size() - 1);
        owner.ready = !link.addresses.empty();
        owner.verdicts_until = link.verdicts_until;
        owner.explain = owner.ready ? link.decision.explain : "no address known yet: waiting for the first discovery";
        auto other = nodata(name.get());
        if (!other) return core::fail(other.error());
        owner.other = std::move(*other);
        Built built;
        const auto add = [&](std::uint16_t type) -> Result<void> {
            auto fresh = addresses(name.get(), type, link.decision.fresh, built);
            if (!fresh) return core::fail(fresh.error());
            auto stale = addresses(name.get(), type, link.decision.stale, built);
            if (!stale) return core::fail(stale.error());
            owner.rrsets.push_back({type, std::move(*fresh), std::move(*stale)});
            return {};
        };
        if (owner.ready) {
            const auto has = [&](bool v6) {
                return std::any_of(link.addresses.begin(), link.addresses.end(),
                                   [v6](auto& a) { return a.ip.is_v6() == v6; });
            };
            if (has(false)) {
                if (auto added = add(LDNS_RR_TYPE_A); !added) return added;
            }
            if (has(true)) {
                if (auto added = add(LDNS_RR_TYPE_AAAA); !added) return added;
            }
            if (auto added = add(core::kTypeAny); !added) return added;
        }
        auto soa = build(name.get(), LDNS_RR_TYPE_SOA, one(soa_rr(name.get(), ttl_, serial_)), {});
        if (!soa) return core::fail(soa.error());
        owner.rrsets.push_back({LDNS_RR_TYPE_SOA, *soa, *soa});
        plan_.owners.push_back(std::move(owner));
        return {};
    }

    Result<void> add_reverse(const core::IpAddress& ip, const std::map<std::string, std::size_t>& names) {
        const Rdf name = name_rdf(reverse_name(ip));
        if (!name) return core::fail(Code::kInternal, core::message("no reverse name for {}", ip.text()));
        core::PlanOwner owner;
        owner.name = wire_name(name.get());
        owner.link = static_cast<std::uint32_t>(names.begin()->second);
        owner.explain = ip.text() + " is an address of a link";
        auto other = nodata(name.get());
        if (!other) return core::fail(other.error());
        owner.other = std::move(*other);
        std::vector<Rr> ptr;
        for (const auto& [host, link] : names) {
            if (ptr.size() == kMaxPtrs) break;
            ptr.push_back(ptr_rr(name.get(), host, ttl_));
        }
        auto answer = build(name.get(), LDNS_RR_TYPE_PTR, std::move(ptr), {});
        if (!answer) return core::fail(answer.error());
        owner.rrsets.push_back({LDNS_RR_TYPE_PTR, *answer, *answer});
        owner.rrsets.push_back({core::kTypeAny, *answer, *answer});
        auto soa = build(name.get(), LDNS_RR_TYPE_SOA, one(soa_rr(name.get(), ttl_, serial_)), {});
        if (!soa) return core::fail(soa.error());
        owner.rrsets.push_back({LDNS_RR_TYPE_SOA, *soa, *soa});
        plan_.owners.push_back(std::move(owner));
        return {};
    }

    const PlanInput& input_;
    std::uint32_t ttl_;
    std::uint32_t serial_;
    core::Plan plan_;
    std::map<core::IpAddress, std::map<std::string, std::size_t>> names_of_;
};

}  // namespace

std::uint32_t link_id(const std::string& name) {
    return stable_id(name);
}
std::uint32_t upstream_id(const core::SocketAddress& address) {
    return stable_id(address.text());
}

std::uint64_t membership_of(const PlanInput& input) {
    std::string text;
    const auto line = [&](const std::string& s) { text += s + '\n'; };
    for (const auto& a : input.dns.listen)
        line("listen " + a.text());
    for (const auto& a : input.dns.allow)
        line("allow " + a.text());
    for (const auto& u : input.upstreams)
        line("upstream " + u.text());
    line(std::to_string(input.dns.ttl_us) + ' ' + std::to_string(input.dns.cache_bytes) + ' ' +
         std::to_string(input.dns.serve_stale_us) + ' ' + std::to_string(input.upstream_budget_ms) + ' ' +
         std::to_string(input.client_patience_ms) + ' ' + std::to_string(input.dns.query_log_sample) + ' ' +
         (input.dns.forward_test ? '1' : '0') + ' ' + (input.dns.trust_ad ? '1' : '0') + ' ' + input.host_zone);
    for (const auto& link : input.links) {
        line("link " + link.name + ' ' + link.host + (link.answer ? "" : " verify only"));
        for (const auto& a : link.addresses)
            line(a.ip.text() + ' ' + a.zone + ' ' + a.endpoint);
    }
    return core::crc64(core::as_bytes(text));
}

Result<core::Plan> compile_plan(const PlanInput& input) {
    return Compiler(input).run();
}

PlanInput without_verdicts(PlanInput input) {
    for (auto& link : input.links) {
        std::vector<AddressVerdict> unknown;
        for (const auto& a : link.addresses)
            unknown.push_back({a, {}, false, 0});
        link.decision = decide_answer(unknown, input.host_zone);
        link.verdicts_until = 0;
        link.targets.clear();
    }
    return input;
}

}  // namespace postern::agent
