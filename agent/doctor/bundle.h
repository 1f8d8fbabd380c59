// SPDX-License-Identifier: Apache-2.0
// What support needs from a host, in one archive, without secrets. Only reads; works without an agent and
// without a configuration.
#pragma once

#include <string>
#include <string_view>

#include "agent/doctor/judge.h"
#include "agent/doctor/request.h"

namespace postern::agent::doctor {

/// "postern-bundle-web-1-20260102-030405.tar.gz", UTC; of the host's name only letters, digits, dots and dashes.
std::string bundle_name(std::string_view host, core::Micros wall_us);

/// Whether a bundle can be written there: checked before the findings are collected.
core::Result<void> check_bundle_path(const std::string& path);

/// Writes the archive (0600) with doctor's findings in it; returns its size in bytes.
core::Result<std::size_t> write_bundle(const std::string& path, const Request& request, const Findings& findings);

}  // namespace postern::agent::doctor
