// A client's query, read in place: bounds-checked, no allocation. Points into the packet, so it lives as
// long.
#pragma once

#include <cstdint>

#include "resolver/dns_name.h"

namespace postern::resolver {

struct ClientEdns {
    bool present = false;
    bool dnssec_ok = false;
    bool explain = false;    // option 65001
    bool keepalive = false;  // option 11; means something over TCP only
    std::uint16_t udp_size = 0;
};

enum class Parsed {
    kOk,
    kDropShort,     // no whole header: nothing to answer
    kDropResponse,  // QR=1: answering could start a loop between two servers
    kFormErr,
    kNotImp,
    kBadVers,
};

struct QueryView {
    std::uint16_t id = 0;
    std::uint16_t flags = 0;
    std::uint16_t type = 0;
    std::uint16_t klass = 0;
    ByteView question;  // as the client wrote it, case included; empty if it could not be read
    Name name;          // lower case
    ClientEdns edns;

    /// Fills `out` as far as the packet can be read, so that every error but the drops can be answered.
    /// Records after the question are walked (OPT may stand anywhere in the additional section); bytes after
    /// the last one are ignored, as BIND does.
    static Parsed parse(ByteView packet, QueryView* out);
};

/// One resource record of any section, by its place in the message.
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

/// Reads the record at `*at` and moves `*at` behind it. False: not well-formed.
bool next_record(ByteView message, std::size_t* at, Record* out);

}  // namespace postern::resolver
