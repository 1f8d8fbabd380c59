// SPDX-License-Identifier: Apache-2.0
// The fault matrix: single faults, with doctor's codes, whose they are and the command that repairs them; and pairs of them.
#pragma once

#include <span>
#include <utility>

#include "tests/unit/agent/doctor/matrix_world.h"

namespace postern::agent::doctor {

std::span<const Single> single_faults();
/// By their names. Two faults that have nothing to do with each other are two: both are told.
std::span<const std::pair<const char*, const char*>> fault_pairs();

}  // namespace postern::agent::doctor
