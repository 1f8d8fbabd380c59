// SPDX-License-Identifier: Apache-2.0
// ldns as the oracle of the fuzzers. It leaks memory on repeated TSIG (NLnetLabs/ldns#317): such messages are
// kept away.
#pragma once

#include <cstdlib>

#include "tests/unit/resolver/handler_kit.h"

namespace postern::fuzz {

/// Ends the run with a trace that libFuzzer reports.
inline void expect(bool ok) {
    if (!ok) std::abort();
}

inline bool has_tsig(core::ByteView message) {
    if (message.size() < 12) return false;
    std::size_t at = 12;
    for (unsigned q = core::load_be16(message.data() + 4); q > 0; --q) {
        at = resolver::skip_name(message, at);
        if (at == 0 || message.size() - at < 4) return false;
        at += 4;
    }
    resolver::Record r;
    while (resolver::next_record(message, &at, &r)) {
        if (r.type == resolver::kTypeTsig) return true;
    }
    return false;
}

/// Whether ldns reads the message, and every record of it to the end that its RDLENGTH says: it takes bytes that a
/// type has no field for as the start of the next record, and goes on from there.
inline bool ldns_accepts(core::ByteView message) {
    if (test::parse(message) == nullptr) return false;
    std::size_t at = 12;
    for (unsigned q = core::load_be16(message.data() + 4); q > 0; --q)
        at = resolver::skip_name(message, at) + 4;
    resolver::Record r;
    while (resolver::next_record(message, &at, &r)) {
        std::size_t end = r.name_at;
        ldns_rr* rr = nullptr;
        const auto read = ldns_wire2rr(&rr, message.data(), message.size(), &end, LDNS_SECTION_ADDITIONAL);
        ldns_rr_free(rr);
        if (read != LDNS_STATUS_OK || end != r.end()) return false;
    }
    return true;
}

}  // namespace postern::fuzz
