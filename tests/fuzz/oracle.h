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

inline bool ldns_accepts(core::ByteView message) {
    return test::parse(message) != nullptr;
}

}  // namespace postern::fuzz
