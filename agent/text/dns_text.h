// Names, types and response codes as people write them.
#pragma once

#include <cstdint>
#include <string>

#include "core/bytes.h"

namespace postern::agent {

/// "db.example.com" of uncompressed wire; "." for the root or nothing; odd bytes as \DDD, so it can be printed.
std::string name_text(core::ByteView wire);
/// "A", "TYPE65280".
std::string type_text(std::uint16_t type);
/// "NXDOMAIN", "RCODE23".
std::string rcode_text(std::uint16_t rcode);

}  // namespace postern::agent
