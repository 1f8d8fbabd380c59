// Texts that leave the host: without secrets. Those that are known go wherever they stand; what only looks like one
// (the user of a URL, the value behind "password=") goes as well: rather too much than one too few.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config.h"
#include "core/secret.h"

namespace postern::agent::doctor {

/// While they live, core::redact() and so scrub() find them: tokens of the configuration's links, what the environment
/// holds under a name of a secret or as the user of a proxy, and what is written into the configuration by mistake.
/// `text`: the configuration's, also where it is broken.
std::vector<core::Secret> known_secrets(const Config& config, std::string_view text);

std::string scrub(std::string_view text);
/// postern.toml for other eyes: known keys with their values; unknown keys, comments and what is not understood as
/// "***", so that every line keeps its number.
std::string scrub_config(std::string_view toml);

}  // namespace postern::agent::doctor
