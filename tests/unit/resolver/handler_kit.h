// SPDX-License-Identifier: Apache-2.0
// The resolver without sockets: handler, cache and forwarder on a fake clock.
#pragma once

#include <algorithm>
#include <map>

#include "resolver/query_handler.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/resolver/fake_transport.h"

namespace postern::test {

inline resolver::ReplyTo client_at(const std::string& address, core::Proto proto = core::Proto::kUdp) {
    resolver::ReplyTo to;
    sockaddr_storage storage;
    const auto parsed = core::SocketAddress::parse(address, 0);
    parsed->to(&storage);
    if (parsed->ip.is_v6())
        to.peer.v6 = *reinterpret_cast<sockaddr_in6*>(&storage);
    else
        to.peer.v4 = *reinterpret_cast<sockaddr_in*>(&storage);
    to.loopback = resolver::is_loopback(to.peer);
    to.proto = proto;
    return to;
}

/// What the simulations ask for, and what the upstreams answer.
inline const Query kWww{.name = "www.example.", .edns_size = 1232};
inline const std::vector<std::string> kAnswer{"www.example. 60 IN A 192.0.2.80"};
inline const std::vector<std::string> kSoa{"example. 300 IN SOA ns.example. root.example. 1 2 3 4 120"};

/// One resolver. `ask` returns the reply, or nothing if it is pending; then it goes to sink.replies.
class Bench {
  public:
    explicit Bench(std::uint64_t seed = 1, const std::string& query_log_path = "")
        : random(seed),
          cache(random.next64(), stats),
          forwarder(clock, random, stats),
          query_log(clock, random, query_log_path),
          handler(clock, stats, forwarder, cache, query_log, sink) {
        transport.events = &forwarder;
        forwarder.connect(&transport, &handler);
    }
    void use(const core::Plan& plan) {
        std::vector<core::SocketAddress> left_out;
        auto upstreams =
            resolver::update_upstreams(forwarder.upstreams(), plan.upstreams, plan.listen, stats, &left_out);
        resolver::ForwarderLimits limits;
        limits.budget_us = static_cast<core::Micros>(plan.settings.upstream_budget_ms) * core::kMillisecond;
        limits.client_us = static_cast<core::Micros>(plan.settings.client_patience_ms) * core::kMillisecond;
        limits.max_inflight = plan.settings.max_inflight;
        limits.max_waiters = 4 * limits.max_inflight;
        forwarder.configure(std::move(upstreams), limits);
        handler.use_plan(std::make_shared<const resolver::ActivePlan>(view_of(plan), core::PlanSource::kCurrent,
                                                                      core::boot_id(), 42));
    }
    core::Bytes ask(core::ByteView packet, const resolver::ReplyTo& from = client_at("127.0.0.1:4000"),
                    std::size_t packets = 1) {
        handler.begin_batch(packets);
        std::vector<std::uint8_t> out(65535);
        const auto done = handler.handle(packet, from, out);
        pending = done.pending;
        return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(done.size)};
    }
    core::Bytes ask(const Query& query, const resolver::ReplyTo& from = client_at("127.0.0.1:4000")) {
        return ask(query.wire(), from);
    }
    /// Answers exchange `i` with an error, and the repeated one without OPT.
    void final_error(std::size_t i, std::uint16_t rcode) {
        const core::SocketAddress server = transport.open.at(i).server;
        const std::size_t before = transport.open.size();
        transport.answer(i, rcode, {});
        if (transport.open.size() != before || transport.open.back().server != server) return;
        if (!has_opt(transport.open.back().query)) transport.answer(before - 1, rcode, {}, {}, false);
    }
    /// How many exchanges are about a name that contains this text.
    std::size_t about(std::string_view name) const {
        return static_cast<std::size_t>(std::count_if(transport.open.begin(), transport.open.end(), [&](const auto& e) {
            return core::as_text(e.query).find(name) != std::string_view::npos;
        }));
    }
    core::Bytes last() const { return sink.replies.empty() ? core::Bytes{} : sink.replies.back(); }
    std::uint64_t event(core::ResolverEvent e) const { return stats.events[static_cast<std::size_t>(e)]; }

    FakeClock clock;
    core::SeededRandom random;
    core::StatsPage stats;
    FakeTransport transport;
    FakeSink sink;
    resolver::Cache cache;
    resolver::Forwarder forwarder;
    resolver::QueryLog query_log;
    resolver::QueryHandler handler;
    bool pending = false;
};

/// A plan with one private name and `servers` upstreams at 192.0.2.1, 192.0.2.2, …
inline core::Plan usual_plan(int servers = 2) {
    core::Plan plan = base_plan();
    plan.owners.push_back(
        owner_of("db.example.", {"10.0.0.1", "10.0.0.2"}, {"10.0.0.2", "10.0.0.1", "10.0.0.3"}, 2000 * core::kSecond));
    for (int i = 1; i <= servers; ++i) {
        plan.upstreams.push_back(
            {static_cast<std::uint32_t>(i), *core::SocketAddress::parse("192.0.2." + std::to_string(i), 53)});
    }
    return plan;
}

/// With so many upstreams, and settings.
struct ForwardingBench : Bench {
    explicit ForwardingBench(int servers = 2, core::PlanSettings settings = {}) {
        auto plan = usual_plan(servers);
        plan.settings = settings;
        use(plan);
    }
    std::string server(std::size_t i) const { return transport.open.at(i).server.ip.text(); }
};

inline std::uint16_t rcode_of(core::ByteView reply) {
    return core::load_be16(reply.data() + 2) & 15;
}
inline std::uint16_t flags_of(core::ByteView reply) {
    return core::load_be16(reply.data() + 2);
}

/// Presentation form of a section, by ldns; "unparsable" if ldns refuses the message.
inline std::vector<std::string> records_of(core::ByteView reply, ldns_pkt_section section = LDNS_SECTION_ANSWER) {
    const LdnsPacket packet = parse(reply);
    if (!packet) return {"unparsable"};
    ldns_rr_list* list = ldns_pkt_get_section_clone(packet.get(), section);
    std::vector<std::string> out;
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(list); ++i) {
        char* text = ldns_rr2str(ldns_rr_list_rr(list, i));
        std::string line = text;
        free(text);
        std::replace(line.begin(), line.end(), '\t', ' ');
        if (!line.empty() && line.back() == '\n') line.pop_back();
        out.push_back(line);
    }
    ldns_rr_list_deep_free(list);
    return out;
}

/// The INFO-CODE of the first EDE option, -1 if there is none. The OPT must be the last record.
inline int ede_of(core::ByteView reply) {
    for (std::size_t at = 12; at + 17 <= reply.size(); ++at) {
        if (reply[at] != 0 || core::load_be16(reply.data() + at + 1) != 41) continue;
        const std::size_t end = at + 11 + core::load_be16(reply.data() + at + 9);
        if (end != reply.size()) continue;
        for (std::size_t o = at + 11; o + 4 <= end; o += 4u + core::load_be16(reply.data() + o + 2)) {
            if (core::load_be16(reply.data() + o) == 15) return core::load_be16(reply.data() + o + 4);
        }
    }
    return -1;
}

/// The text of option 65001.
inline std::string explanation_of(core::ByteView reply) {
    const std::string_view all = core::as_text(reply);
    const auto at = all.find("\xfd\xe9");
    if (at == std::string_view::npos) return "";
    return std::string(all.substr(at + 4, core::load_be16(reply.data() + at + 2)));
}

}  // namespace postern::test
