// SPDX-License-Identifier: Apache-2.0
#include "resolver/local_names.h"

#include <algorithm>

namespace postern::resolver {
namespace {

/// A literal without its final NUL. The zero byte that ends a name in wire format is written out below.
template <std::size_t N>
constexpr ByteView wire(const char (&text)[N]) {
    return {reinterpret_cast<const std::uint8_t*>(text), N - 1};
}

// Literals are split so that "\x01" "a" is not read as one escape.
const ByteView kLocalhost = wire(
    "\x09"
    "localhost\0");
const ByteView kInvalid = wire(
    "\x07"
    "invalid\0");
const ByteView kTest = wire(
    "\x04"
    "test\0");
const ByteView kOnion = wire(
    "\x05"
    "onion\0");
const ByteView kResolverArpa = wire(
    "\x08"
    "resolver"
    "\x04"
    "arpa\0");
const ByteView kLoopbackV4Zone = wire(
    "\x03"
    "127"
    "\x07"
    "in-addr"
    "\x04"
    "arpa\0");
const ByteView kLoopbackV4 = wire(
    "\x01"
    "1"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x03"
    "127"
    "\x07"
    "in-addr"
    "\x04"
    "arpa\0");
const ByteView kLoopbackV6 = wire(
    "\x01"
    "1"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x01"
    "0"
    "\x03"
    "ip6"
    "\x04"
    "arpa\0");
const ByteView kVersionBind = wire(
    "\x07"
    "version"
    "\x04"
    "bind\0");
const ByteView kVersionServer = wire(
    "\x07"
    "version"
    "\x06"
    "server\0");

// Records. "\xc0\x0c" is a pointer to the name of the question. The TTL and the minimum of the SOA are 600 s.
const ByteView kA = wire("\xc0\x0c\0\x01\0\x01\0\0\x02\x58\0\x04\x7f\0\0\x01");
const ByteView kAaaa = wire("\xc0\x0c\0\x1c\0\x01\0\0\x02\x58\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01");
const ByteView kPtr = wire(
    "\xc0\x0c\0\x0c\0\x01\0\0\x02\x58\0\x0b\x09"
    "localhost\0");
const ByteView kText = wire(
    "\xc0\x0c\0\x10\0\x03\0\0\0\0\0\x08\x07"
    "postern");

// The SOA of a zone: mname is the zone, rname nobody.invalid (RFC 6303 3). The owner must be the name of the zone.
#define POSTERN_SOA_RDATA \
    "\0\x2f\x09"          \
    "localhost\0"         \
    "\x06"                \
    "nobody"              \
    "\x07"                \
    "invalid\0"           \
    "\0\0\0\x01\0\0\x0e\x10\0\0\x04\xb0\0\x09\x3a\x80\0\0\x02\x58"
#define POSTERN_SOA_HEAD "\0\x06\0\x01\0\0\x02\x58"
const ByteView kSoaLocalhost = wire(
    "\x09"
    "localhost\0" POSTERN_SOA_HEAD POSTERN_SOA_RDATA);
const ByteView kSoaInvalid = wire(
    "\x07"
    "invalid\0" POSTERN_SOA_HEAD POSTERN_SOA_RDATA);
const ByteView kSoaTest = wire(
    "\x04"
    "test\0" POSTERN_SOA_HEAD POSTERN_SOA_RDATA);
const ByteView kSoaOnion = wire(
    "\x05"
    "onion\0" POSTERN_SOA_HEAD POSTERN_SOA_RDATA);
const ByteView kSoaResolverArpa = wire(
    "\x08"
    "resolver"
    "\x04"
    "arpa\0" POSTERN_SOA_HEAD POSTERN_SOA_RDATA);
const ByteView kSoaV4 = wire(
    "\x03"
    "127"
    "\x07"
    "in-addr"
    "\x04"
    "arpa\0" POSTERN_SOA_HEAD POSTERN_SOA_RDATA);
const ByteView kSoaHere = wire("\xc0\x0c" POSTERN_SOA_HEAD POSTERN_SOA_RDATA);

bool is(ByteView name, ByteView other) {
    return std::equal(name.begin(), name.end(), other.begin(), other.end());
}

Sections answer(ByteView record) {
    return {record, 1, 0, 0, kNoError, kAa};
}
Sections negative(ByteView soa, std::uint16_t rcode) {
    return {soa, 0, 1, 0, rcode, kAa};
}

/// localhost and all names below it (RFC 6761 6.3): A and AAAA are loopback addresses, all other types don't exist.
Sections localhost(bool apex, std::uint16_t type) {
    if (type == kTypeA || type == core::kTypeAny) return answer(kA);
    if (type == kTypeAaaa) return answer(kAaaa);
    if (type == kTypeSoa && apex) return answer(kSoaHere);
    return negative(kSoaLocalhost, kNoError);
}

/// A zone of its SOA alone; `below` is the RCODE for names below it.
Sections zone(bool apex, std::uint16_t type, ByteView soa, std::uint16_t below) {
    if (apex && (type == kTypeSoa || type == core::kTypeAny)) return answer(kSoaHere);
    return negative(soa, apex ? std::uint16_t{kNoError} : below);
}

Sections pointer(std::uint16_t type) {
    if (type == kTypePtr || type == core::kTypeAny) return answer(kPtr);
    return negative(kSoaHere, kNoError);
}

}  // namespace

std::optional<Sections> local_answer(ByteView name, std::uint16_t type, bool forward_test) {
    if (is_within(name, kLocalhost)) return localhost(name.size() == kLocalhost.size(), type);
    // These don't exist, the names themselves included (RFC 6761 6.2 and 6.4, RFC 7686 2).
    if (is_within(name, kInvalid)) return negative(kSoaInvalid, kNxDomain);
    if (is_within(name, kOnion)) return negative(kSoaOnion, kNxDomain);
    if (!forward_test && is_within(name, kTest)) return negative(kSoaTest, kNxDomain);
    if (is_within(name, kLoopbackV4Zone)) {
        if (is(name, kLoopbackV4)) {
            const Sections s = pointer(type);
            return s.answers != 0 ? s : negative(kSoaV4, kNoError);
        }
        // 0.127 and 0.0.127 are empty non-terminals above 1.0.0.127: they exist (RFC 8020).
        const bool above = is_within(kLoopbackV4, name);
        if (above && name.size() != kLoopbackV4Zone.size()) return negative(kSoaV4, kNoError);
        return zone(name.size() == kLoopbackV4Zone.size(), type, kSoaV4, kNxDomain);
    }
    // NODATA for every name and type (RFC 9462 6.4). The designated resolver of an upstream does not know the private
    // names, so a client must not be led to it.
    if (is_within(name, kResolverArpa)) {
        return zone(name.size() == kResolverArpa.size(), type, kSoaResolverArpa, kNoError);
    }
    if (is(name, kLoopbackV6)) return pointer(type);
    return std::nullopt;
}

Sections chaos_answer(ByteView name, std::uint16_t type) {
    const bool known = is(name, kVersionBind) || is(name, kVersionServer);
    if (known && (type == kTypeTxt || type == core::kTypeAny)) return answer(kText);
    return Sections::error(kRefused);
}

}  // namespace postern::resolver
