// SPDX-License-Identifier: Apache-2.0
// What a reply is shortened to when the client takes less: fresh, from the cache, and private.
#include "tests/unit/resolver/handler_kit.h"

#include "tests/unit/catch.h"

using namespace postern;
using core::kSecond;
using test::Bench;
using test::Query;
using test::records_of;
using Lines = std::vector<std::string>;

namespace {

/// www.example.com A 192.0.2.1 with 13 NS records in the authority section; 832 bytes, the names compressed. An answer
/// of a resolver that adds what it knows about the zone.
const char* const kThirteenServers =
    "1234818000010001000d000003777777076578616d706c6503636f6d0000010001c00c000100010000003c0004c0000201c0"
    "0c000200010000003c0030136e616d657365727665722d6e756d6265722d3012736f6d6577686572652d6661722d61776179"
    "076578616d706c6500c00c000200010000003c0030136e616d657365727665722d6e756d6265722d3112736f6d6577686572"
    "652d6661722d61776179076578616d706c6500c00c000200010000003c0030136e616d657365727665722d6e756d6265722d"
    "3212736f6d6577686572652d6661722d61776179076578616d706c6500c00c000200010000003c0030136e616d6573657276"
    "65722d6e756d6265722d3312736f6d6577686572652d6661722d61776179076578616d706c6500c00c000200010000003c00"
    "30136e616d657365727665722d6e756d6265722d3412736f6d6577686572652d6661722d61776179076578616d706c6500c0"
    "0c000200010000003c0030136e616d657365727665722d6e756d6265722d3512736f6d6577686572652d6661722d61776179"
    "076578616d706c6500c00c000200010000003c0030136e616d657365727665722d6e756d6265722d3612736f6d6577686572"
    "652d6661722d61776179076578616d706c6500c00c000200010000003c0030136e616d657365727665722d6e756d6265722d"
    "3712736f6d6577686572652d6661722d61776179076578616d706c6500c00c000200010000003c0030136e616d6573657276"
    "65722d6e756d6265722d3812736f6d6577686572652d6661722d61776179076578616d706c6500c00c000200010000003c00"
    "30136e616d657365727665722d6e756d6265722d3912736f6d6577686572652d6661722d61776179076578616d706c6500c0"
    "0c000200010000003c0031146e616d657365727665722d6e756d6265722d313012736f6d6577686572652d6661722d617761"
    "79076578616d706c6500c00c000200010000003c0031146e616d657365727665722d6e756d6265722d313112736f6d657768"
    "6572652d6661722d61776179076578616d706c6500c00c000200010000003c0031146e616d657365727665722d6e756d6265"
    "722d313212736f6d6577686572652d6661722d61776179076578616d706c6500";

core::Bytes from_hex(std::string_view hex) {
    core::Bytes out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        out.push_back(static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
    return out;
}

/// A reply with three sections and no OPT.
core::Bytes with_additional(core::ByteView query, const Lines& answers, const Lines& authorities,
                            const Lines& additionals) {
    auto out = test::reply_to(query, 0, answers, authorities, false);
    const auto wire = test::wire_records(additionals);
    out.insert(out.end(), wire.begin(), wire.end());
    core::store_be16(out.data() + 10, static_cast<std::uint16_t>(additionals.size()));
    return out;
}

struct Net : Bench {
    Net() { use(test::usual_plan(1)); }
    /// The reply to `q` when the upstream sends `message` (its ID is set), and a moment later the one from the cache.
    std::pair<core::Bytes, core::Bytes> resolve(const Query& q, core::Bytes message) {
        ask(q);
        std::copy_n(transport.open.at(0).query.begin(), 2, message.begin());
        transport.deliver(0, message);
        const auto fresh = last();
        clock.advance(7 * kSecond);
        return {fresh, ask(q)};
    }
    std::pair<core::Bytes, core::Bytes> resolve(const Query& q, const Lines& answers, const Lines& authorities,
                                                const Lines& additionals = {}) {
        return resolve(q, with_additional(q.wire(), answers, authorities, additionals));
    }
};

bool is_truncated(const core::Bytes& reply) {
    return resolver::is_truncated(reply.data());
}
std::size_t count(const core::Bytes& reply, ldns_pkt_section section) {
    const auto records = records_of(reply, section);
    return records == Lines{"unparsable"} ? 999 : records.size();
}

/// `n` records of about 60 bytes.
Lines text_records(const std::string& name, int n) {
    Lines out;
    for (int i = 0; i < n; ++i)
        out.push_back(name + " 60 IN TXT \"" + std::string(30, static_cast<char>('a' + i)) + "\"");
    return out;
}

}  // namespace

TEST_CASE("reply: an answer that fits is sent without the records that do not, and without TC", "[reply]") {
    // A client without EDNS takes 512 bytes. musl 1.2.3 has no TCP: with TC and no answer the name does not resolve.
    Net net;
    const auto [fresh, cached] = net.resolve(Query{.name = "www.example.com."}, from_hex(kThirteenServers));
    CHECK(records_of(fresh) == Lines{"www.example.com. 60 IN A 192.0.2.1"});
    CHECK_FALSE(is_truncated(fresh));
    CHECK(count(fresh, LDNS_SECTION_AUTHORITY) == 0);
    CHECK(records_of(cached) == Lines{"www.example.com. 53 IN A 192.0.2.1"});
    CHECK_FALSE(is_truncated(cached));
    CHECK(net.event(core::ResolverEvent::kTruncated) == 0);
    // The whole of it is cached for clients that take more.
    const auto whole = net.ask(Query{.name = "www.example.com.", .edns_size = 1232});
    CHECK(count(whole, LDNS_SECTION_AUTHORITY) == 13);
    for (const auto& line : records_of(whole, LDNS_SECTION_AUTHORITY))
        CHECK(line.find(" 53 IN NS ") != std::string::npos);
}

TEST_CASE("reply: no TTL is written where a record was that is left out", "[reply]") {
    // OPT is there in the shortened form, and its flags where the TTL of the first NS record would be.
    Net net;
    const auto [fresh, cached] =
        net.resolve(Query{.name = "www.example.com.", .edns_size = 512, .dnssec_ok = true}, from_hex(kThirteenServers));
    for (const auto& reply : {fresh, cached}) {
        REQUIRE(reply.size() > 11);
        CHECK(core::Bytes(reply.end() - 11, reply.end()) == core::Bytes{0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0});
    }
    CHECK(records_of(cached) == Lines{"www.example.com. 53 IN A 192.0.2.1"});
}

TEST_CASE("reply: additional data is left out before authority data", "[reply]") {
    Net net;
    const Lines a{"www.example. 60 IN A 192.0.2.80"}, ns{"example. 60 IN NS ns.example."};
    const auto [fresh, cached] = net.resolve(Query{.name = "www.example."}, a, ns, text_records("ns.example.", 9));
    for (const auto& reply : {fresh, cached}) {
        CHECK(count(reply, LDNS_SECTION_ANSWER) == 1);
        CHECK(count(reply, LDNS_SECTION_AUTHORITY) == 1);
        CHECK(count(reply, LDNS_SECTION_ADDITIONAL) == 0);
        CHECK_FALSE(is_truncated(reply));
    }
    CHECK(records_of(cached, LDNS_SECTION_AUTHORITY) == Lines{"example. 53 IN NS ns.example."});
}

TEST_CASE("reply: of an answer that is too large as many whole records as fit are sent, with TC", "[reply]") {
    Net net;
    const auto [fresh, cached] =
        net.resolve(Query{.name = "t.example.", .type = 16, .edns_size = 512}, text_records("t.example.", 20),
                    {"example. 60 IN NS ns.example."}, {"ns.example. 60 IN A 192.0.2.53"});
    for (const auto& reply : {fresh, cached}) {
        // 12 header, 15 question, 11 OPT; a record is 52 bytes.
        CHECK(count(reply, LDNS_SECTION_ANSWER) == (512 - 12 - 15 - 11) / 52);
        CHECK(count(reply, LDNS_SECTION_AUTHORITY) == 0);
        CHECK(is_truncated(reply));
        CHECK(reply.size() <= 512);
    }
    CHECK(records_of(fresh).at(8).find("t.example. 60 IN TXT \"iiii") == 0);
    for (const auto& line : records_of(cached))
        CHECK(line.find(" 53 IN TXT ") != std::string::npos);
    const auto opt = test::parse(cached);  // what follows the sections is untouched
    REQUIRE(opt);
    CHECK(ldns_pkt_edns_udp_size(opt.get()) == 1232);
    CHECK(net.event(core::ResolverEvent::kTruncated) == 2);
}

TEST_CASE("reply: a negative reply that is too large keeps what fits of its authority section, with TC", "[reply]") {
    Net net;
    Lines authority{"example. 300 IN SOA ns.example. root.example. 1 2 3 4 120"};
    for (const auto& line : text_records("example.", 12))
        authority.push_back(line);
    const auto [fresh, cached] = net.resolve(Query{.name = "nd.example."}, {}, authority);
    for (const auto& reply : {fresh, cached}) {
        REQUIRE(count(reply, LDNS_SECTION_AUTHORITY) >= 2);
        CHECK(count(reply, LDNS_SECTION_AUTHORITY) < 13);
        CHECK(is_truncated(reply));
        CHECK(records_of(reply, LDNS_SECTION_AUTHORITY)[0].find(" IN SOA ") != std::string::npos);
    }
}

TEST_CASE("reply: without the proofs of a signed wildcard answer it has TC", "[reply]") {
    // RFC 4035 3.1.3.3: a validating client can't use the answer without them.
    Net net;
    Lines authority{"a.example. 60 IN NSEC z.example. A"};
    for (const auto& line : text_records("example.", 12))
        authority.push_back(line);
    const auto [fresh, cached] = net.resolve(Query{.name = "w.example.", .edns_size = 512, .dnssec_ok = true},
                                             {"w.example. 60 IN A 192.0.2.80"}, authority);
    for (const auto& reply : {fresh, cached}) {
        CHECK(count(reply, LDNS_SECTION_ANSWER) == 1);
        CHECK(is_truncated(reply));
    }
}

TEST_CASE("reply: the upstream's EDE is passed on while there is room, and never costs a record of the answer",
          "[reply]") {
    for (const bool tight : {false, true}) {
        Net net;
        const Query q{.name = "t.example.", .type = 16, .edns_size = 512};
        const auto answers = text_records("t.example.", 9);  // 506 bytes with header, question and OPT
        auto message = with_additional(q.wire(), tight ? answers : Lines(answers.begin(), answers.end() - 1), {}, {});
        Query opt;
        opt.edns_size = 1232;
        opt.edns_options = {0, 15, 0, 3, 0, 18, 'x'};
        opt.add_opt(message);
        const auto [fresh, cached] = net.resolve(q, message);
        for (const auto& reply : {fresh, cached}) {
            CAPTURE(tight);
            CHECK(count(reply, LDNS_SECTION_ANSWER) == (tight ? 9 : 8));
            CHECK_FALSE(is_truncated(reply));
            CHECK(test::ede_of(reply) == (tight ? -1 : 18));
        }
    }
}

TEST_CASE("reply: to another opcode than QUERY it is the opcode, NOTIMP and OPT, with all other flags clear",
          "[reply]") {
    // RA, RD, AD and CD are defined for QUERY, and the question may mean something else. BIND answers the same.
    Bench bench;
    bench.use(test::usual_plan());
    for (unsigned opcode = 1; opcode < 16; ++opcode) {
        CAPTURE(opcode);
        Query q{.flags = static_cast<std::uint16_t>(opcode << 11 | 0x07f0)};  // AA TC RD RA Z AD CD
        auto reply = bench.ask(q);
        CHECK(test::flags_of(reply) == (0x8000 | opcode << 11 | 4));
        CHECK(reply.size() == 12);
        q.edns_size = 1232;
        reply = bench.ask(q);
        CHECK(reply.size() == 12 + 11);
        CHECK(core::load_be16(reply.data() + 4) == 0);
        CHECK(core::load_be16(reply.data() + 10) == 1);
        auto header_only = q.wire();
        header_only.resize(12);
        reply = bench.ask(header_only);
        CHECK(test::flags_of(reply) == (0x8000 | opcode << 11 | 4));
        // The same for a client that is refused.
        reply = bench.ask(q, test::client_at("203.0.113.9:53"));
        CHECK(test::flags_of(reply) == (0x8000 | opcode << 11 | 5));
    }
}

TEST_CASE("reply: the explanation never costs a record of the answer", "[reply]") {
    Net net;
    Query q{.name = "t.example.", .type = 16, .edns_size = 4096};
    net.resolve(q, text_records("t.example.", 12), {});
    const auto whole = net.ask(q);
    q.edns_size = static_cast<int>(whole.size());
    q.edns_options = {0xfd, 0xe9, 0, 0};
    const auto reply = net.ask(q);
    CHECK(test::explanation_of(reply).empty());
    CHECK(count(reply, LDNS_SECTION_ANSWER) == 12);
    CHECK_FALSE(is_truncated(reply));
}

// Buffers are used again: a byte that is not written would be one of another client's reply.
TEST_CASE("reply: every byte of it is written, and its options have the length that is stated", "[reply]") {
    Query q{.name = "t.example.", .edns_size = 1232, .dnssec_ok = true};
    q.edns_options = {0, 11, 0, 0};  // edns-tcp-keepalive (RFC 7828)
    const auto wire = q.wire();
    resolver::QueryView view;
    REQUIRE(resolver::QueryView::parse(wire, &view) == resolver::Parsed::kOk);
    resolver::ReplyOptions options;
    options.udp_size = 1232;
    options.ede = 22;
    options.keepalive_100ms = 100;
    options.explain = "source=local";
    core::Bytes clean(4096), used(4096, 0xff);
    const auto asked = resolver::Asked::from(view);
    const auto sections = resolver::Sections::error(2);
    clean.resize(resolver::write_reply(asked, sections, options, 4096, clean).size);
    used.resize(resolver::write_reply(asked, sections, options, 4096, used).size);
    CHECK(clean == used);
    const auto packet = test::parse(clean);
    REQUIRE(packet);
    REQUIRE(ldns_pkt_edns_data(packet.get()) != nullptr);
    CHECK(ldns_rdf_size(ldns_pkt_edns_data(packet.get())) == 6 + 6 + 4 + options.explain.size());
    CHECK(ldns_pkt_edns_version(packet.get()) == 0);
}
