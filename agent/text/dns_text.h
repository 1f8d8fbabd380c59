// SPDX-License-Identifier: Apache-2.0
// DNS names, types and response codes as text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/plan.h"

namespace postern::agent {

/// "db.example.com" from uncompressed wire form; "." for the root or empty input; non-printable bytes as \DDD.
std::string name_text(core::ByteView wire);
/// "A", "TYPE65280".
std::string type_text(std::uint16_t type);
/// "NXDOMAIN", "RCODE23".
std::string rcode_text(std::uint16_t rcode);

/// The record data of an answer section: addresses and names; other records are skipped.
std::vector<std::string> plan_records(const core::AnswerView& answer);

}  // namespace postern::agent
