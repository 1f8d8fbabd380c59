// SPDX-License-Identifier: Apache-2.0
// Parses a client's query, bounds-checked and without allocation. A QueryView points into the packet and is valid as
// long as that is.
#pragma once

#include <cstdint>

#include "resolver/dns_name.h"

namespace postern::resolver {

struct ClientEdns {
    bool present = false;
    bool dnssec_ok = false;
    bool explain = false;    // option 65001
    bool keepalive = false;  // option 11, used over TCP only
    std::uint16_t udp_size = 0;
};

enum class Parsed {
    kOk,
    kDropShort,     // shorter than a header
    kDropResponse,  // QR=1: a reply to it could start a loop between two servers
    kFormErr,
    kNotImp,
    kBadVers,
};

struct QueryView {
    std::uint16_t id = 0;
    std::uint16_t flags = 0;
    std::uint16_t type = 0;
    std::uint16_t klass = 0;
    ByteView question;  // as in the packet, case included; empty if it could not be read
    Name name;          // lower case
    ClientEdns edns;

    /// Fills `out` as far as the packet can be read; there is enough for a reply unless the result is a kDrop….
    /// Parses the records after the question, because OPT may be anywhere in the additional section; ignores bytes
    /// after the last record, as BIND does.
    static Parsed parse(ByteView packet, QueryView* out);
};

/// A resource record of any section, as offsets into the message.
struct Record {
    std::size_t name_at = 0;
    std::size_t type_at = 0;  // end of the owner name
    std::uint16_t type = 0;
    std::uint16_t klass = 0;
    std::uint32_t ttl = 0;
    std::size_t rdata_at = 0;
    std::uint16_t rdata_length = 0;
    std::size_t end() const { return rdata_at + rdata_length; }
    std::size_t ttl_at() const { return type_at + 4; }
};

/// Parses the record at `*at` and sets `*at` to its end. False: malformed.
bool next_record(ByteView message, std::size_t* at, Record* out);

}  // namespace postern::resolver
