// SPDX-License-Identifier: Apache-2.0
// A link's configuration as a probe specification, for the probe engine and for `postern probe`.
#pragma once

#include "agent/config/config.h"
#include "core/secret.h"
#include "probe/probe_types.h"

namespace postern::agent {

probe::ProbeSpec probe_spec(const LinkConfig& link, core::Secret token);

}  // namespace postern::agent
