// SPDX-License-Identifier: Apache-2.0
#include "resolver/shorten.h"

namespace postern::resolver {

Sections without_extras(const Sections& s, std::size_t room) {
    const unsigned before_additional = s.answers + 0u + s.authorities;
    std::size_t at = 0, answers_end = 0;
    bool needs_authority = s.answers == 0;
    for (unsigned i = 0; i < before_additional; ++i) {
        Record r;
        if (!next_record(s.wire, &at, &r)) return s;
        if (i < s.answers)
            answers_end = at;
        else
            needs_authority = needs_authority || is_proof(r.type);
    }
    Sections out = s;
    out.wire = s.wire.first(at);
    out.additionals = 0;
    if (at <= room || needs_authority) return out;
    out.wire = s.wire.first(answers_end);
    out.authorities = 0;
    return out;
}

Sections first_records(const Sections& s, std::size_t room) {
    Sections out = s;
    out.answers = out.authorities = out.additionals = 0;
    std::size_t at = 0, end = 0;
    for (unsigned i = 0; i < s.answers + 0u + s.authorities + s.additionals; ++i) {
        Record r;
        if (!next_record(s.wire, &at, &r) || at > room) break;
        end = at;
        ++(i < s.answers ? out.answers : i < s.answers + 0u + s.authorities ? out.authorities : out.additionals);
    }
    out.wire = s.wire.first(end);
    return out;
}

}  // namespace postern::resolver
