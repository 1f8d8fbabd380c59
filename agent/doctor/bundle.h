// SPDX-License-Identifier: Apache-2.0
// What support needs from a host, in one archive, without secrets. Only reads; works without an agent and
// without a configuration.
#pragma once

#include <string>

#include "agent/doctor/judge.h"
#include "agent/doctor/request.h"

namespace postern::agent::doctor {

/// "postern-bundle-20260102-030405.tar.gz"
std::string bundle_name(core::Micros wall_us);

/// Whether a bundle can be written there: checked before the findings are collected.
core::Result<void> check_bundle_path(const std::string& path);

/// Writes the archive (0600) with doctor's findings in it; returns its size in bytes.
core::Result<std::size_t> write_bundle(const std::string& path, const Request& request, const Findings& findings);

}  // namespace postern::agent::doctor
