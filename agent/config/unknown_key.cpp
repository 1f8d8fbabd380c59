// SPDX-License-Identifier: Apache-2.0
#include "agent/config/unknown_key.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "agent/text/values.h"
#include "core/text.h"

namespace postern::agent {

namespace {

/// Key names that suggest a secret, which must not be in a file that others can read.
bool names_a_secret(std::string_view key) {
    for (const std::string_view word : {"token", "secret", "password", "passwd", "access_key", "accesskey", "api_key",
                                        "apikey", "credential", "private_key", "security_token", "sts_token"}) {
        if (key.find(word) != std::string_view::npos) return true;
    }
    return false;
}

/// "[dns] or [http]": the sections but one that have this key.
core::Message sections_with(std::string_view name, std::optional<Section> but) {
    core::Message out;
    for (const KeyRow& row : config_keys()) {
        if (row.name != name || row.section == but) continue;
        const std::string section = fmt::format("[{}]", to_string(row.section));
        out = out.empty() ? core::Message(section) : core::message("{} or {}", std::move(out), section);
    }
    return out;
}

}  // namespace

core::Message explain_unknown_key(Section section, std::string_view name) {
    if (names_a_secret(name)) {
        const core::Message where =
            section == Section::kAliyun
                ? "the AccessKey comes from the environment or, better, from the ECS RAM role"
                : "put the token into a file (root:postern, mode 0640) and name it with token_file";
        // "token_fil" is a typo, not a secret.
        std::vector<std::string_view> near{"token_file", "token_env"};
        if (const auto meant = nearest(name, near); meant && section == Section::kLink && name.size() > 6) {
            return core::message("unknown key; did you mean \"{}\"?", *meant);
        }
        return core::message("secrets don't belong in the configuration: {}", where);
    }
    std::vector<std::string_view> here;
    for (const KeyRow& row : config_keys()) {
        if (row.section == section) here.push_back(row.name);
    }
    const core::Message others = sections_with(name, section);
    if (!others.empty()) return core::message("unknown key here; it belongs to {}", others);
    if (const auto meant = nearest(name, here)) return core::message("unknown key; did you mean \"{}\"?", *meant);
    return core::message("unknown key; [{}] has {}", to_string(section), core::joined(here));
}

core::Message explain_unknown_section(std::string_view name) {
    if (names_a_secret(name)) return "secrets don't belong in the configuration: see token_file in [[link]]";
    const core::Message where = sections_with(name, std::nullopt);
    if (!where.empty()) return core::message("unknown at the top of the file; it belongs to {}", where);
    if (const auto meant = nearest(name, {"agent", "dns", "http", "aliyun", "fleet", "link"})) {
        return core::message("unknown section; did you mean \"{}\"?", *meant);
    }
    return "unknown section; there are [agent], [dns], [http], [aliyun], [fleet] and [[link]]";
}

}  // namespace postern::agent
