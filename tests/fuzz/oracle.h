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

/// Whether ldns reads the whole message. It does not mind a record with more RDATA than its type has, and reads
/// the rest of it as the next record: whoever appends one, as we do with OPT, would get the blame. So one is
/// appended here.
inline bool ldns_accepts(core::ByteView message) {
    if (message.size() < 12) return false;
    const std::uint16_t additionals = core::load_be16(message.data() + 10);
    if (additionals == 0xffff || message.size() > 65535 - 15) return false;
    static constexpr std::uint8_t kRootA[] = {0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1};
    core::Bytes longer(message.begin(), message.end());
    core::store_be16(longer.data() + 10, static_cast<std::uint16_t>(additionals + 1));
    longer.insert(longer.end(), std::begin(kRootA), std::end(kRootA));
    return test::parse(message) != nullptr && test::parse(longer) != nullptr;
}

}  // namespace postern::fuzz
