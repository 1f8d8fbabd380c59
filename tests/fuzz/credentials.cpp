// SPDX-License-Identifier: Apache-2.0
// Any bytes as a file or a reply with credentials: whole ones or an error, and no error repeats what it read.
#include <cstdlib>

#include "agent/cloud/credential_sources.h"
#include "core/bytes.h"

using namespace postern;
using namespace postern::agent;

namespace {

void judge(const core::Result<Credentials>& keys) {
    if (!keys) return;
    if (keys->access_key_id.empty() || keys->access_key_secret.empty()) std::abort();
    if (keys->expires_wall_us < 0) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = core::as_text({data, size});
    if (const auto config = parse_cli_config(text); config && config->profiles.empty()) std::abort();
    for (const auto& [section, fields] : parse_ini(text)) {
        for (const auto& [name, value] : fields) {
            if (value.find('\n') != std::string::npos || name.find('\n') != std::string::npos) std::abort();
        }
    }
    judge(parse_role_credentials(text, true));
    judge(parse_role_credentials(text, false));
    judge(parse_sts_reply(text));
    judge(parse_external_output(text));
    if (const auto words = split_command(text)) {
        std::size_t length = 0;
        for (const auto& word : *words)
            length += word.size();
        if (length > size) std::abort();
    }
    return 0;
}
