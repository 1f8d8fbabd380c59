// SPDX-License-Identifier: Apache-2.0
// Removes secrets from texts that leave the host: known ones wherever they are, and also what only looks like one
// (the user of a URL, the value after "password="): rather too much than too little.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config.h"
#include "core/secret.h"

namespace postern::agent::doctor {

/// While they exist, core::redact() and so scrub() find them: tokens of the configuration's links, values in the
/// environment under a secret's name or as the user of a proxy, and secrets put into the configuration by mistake.
/// `text`: the configuration's, even if broken.
std::vector<core::Secret> known_secrets(const Config& config, std::string_view text);

/// What follows a name of a secret in English or Chinese (password, token, secret, key, cookie, 密码, 口令, 令牌, 密钥, …), Bearer
/// and Basic, curl's -u; users and query values of URLs; PEM blocks; AccessKey IDs, JWTs, and runs of 32 letters and digits.
/// A RequestId stays.
std::string scrub(std::string_view text);

}  // namespace postern::agent::doctor
