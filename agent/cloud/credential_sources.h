// SPDX-License-Identifier: Apache-2.0
// The sources of the official default chain other than the environment and the instance role: OIDC, the command
// line tool's profiles (~/.aliyun/config.json), the ini file (~/.alibabacloud/credentials), a credentials URI.
// Files are read at each fetch: a rotated file takes effect at the next renewal or refusal. File content never
// appears in an error text.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cloud/credentials.h"
#include "agent/cloud/sts.h"

namespace postern::agent {

/// Runs a program without a shell and returns its standard output, within a minute; for profiles of mode External.
using CommandRunner =
    std::function<void(std::vector<std::string> argv, std::function<void(core::Result<std::string>)>)>;

/// What all sources need. Must outlive them.
struct CredentialContext {
    core::Clock& clock;
    HttpTransport& http;
    MetadataClient& metadata;
    StsClient& sts;
    Environment environment;
    CommandRunner run;  // empty: profiles of mode External are refused
};

std::unique_ptr<CredentialSource> oidc_credentials(CredentialContext& context);
std::unique_ptr<CredentialSource> cli_profile_credentials(CredentialContext& context);
std::unique_ptr<CredentialSource> ini_credentials(CredentialContext& context);
std::unique_ptr<CredentialSource> uri_credentials(CredentialContext& context);

/// The files that the sources read in this environment, whether they are there or not.
std::vector<std::string> credential_files(const Environment& environment);

/// One profile of config.json, by its JSON names. Pure, for tests and fuzzers.
using ProfileFields = std::map<std::string, std::string>;
struct CliConfig {
    std::string current;
    std::map<std::string, ProfileFields> profiles;
};
core::Result<CliConfig> parse_cli_config(std::string_view text);

/// Sections and keys of an ini file; handles comments (# and ;), quotes and a byte order mark.
std::map<std::string, ProfileFields> parse_ini(std::string_view text);

/// Splits a command line as a POSIX shell does: blanks, quotes and backslashes; no expansion.
core::Result<std::vector<std::string>> split_command(std::string_view command);

/// The output of an External profile's command.
core::Result<Credentials> parse_external_output(std::string_view text);

}  // namespace postern::agent
