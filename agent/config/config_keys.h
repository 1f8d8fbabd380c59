// SPDX-License-Identifier: Apache-2.0
// Every key of postern.toml, one row each. To add a key: a member with its default in config.h, a row in
// config_keys.cpp, a line in the manual. The tests iterate over this table.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/config/config.h"

namespace postern::agent {

struct ConfigEntry;

/// A TOML value without the TOML library: config.cpp builds the tree, everything else reads it.
struct ConfigNode {
    enum class Type { kString, kInteger, kFloat, kBoolean, kDate, kList, kTable };
    Type type = Type::kTable;
    int line = 0;
    std::string text;
    std::int64_t integer = 0;
    double number = 0;
    bool boolean = false;
    std::vector<ConfigNode> items;
    std::vector<ConfigEntry> entries;  // in file order

    const ConfigNode* find(std::string_view key) const;
    /// The value for a message: 42, true, "10s", a list, a table. Never a secret.
    core::Message describe() const;
};

struct ConfigEntry {
    std::string name;
    ConfigNode value;
};

enum class Section { kAgent, kDns, kHttp, kAliyun, kFleet, kLink, kProbe };
/// "agent", …, "link", "link.probe".
std::string_view to_string(Section section);

/// Where a row stores its value. `link` is set in [[link]] and [link.probe].
struct ConfigTarget {
    Config& config;
    LinkConfig* link = nullptr;
};

struct KeyRow {
    Section section;
    std::string_view name;
    /// Stores the value and returns "", or says what is wrong ("expected …, found …").
    core::Message (*read)(const ConfigNode& node, ConfigTarget& target);
    /// TOML values for the tests and the manual: a valid and an invalid one.
    std::string_view good, bad;
};

std::span<const KeyRow> config_keys();
const KeyRow* find_config_key(Section section, std::string_view name);

/// Checks over several keys: relations, duplicates, exactly one source of addresses. `root` has the keys in the file,
/// so that a default never conflicts with one. (config_check.cpp)
void check_relations(const ConfigNode& root, Config& config, std::vector<ConfigIssue>& issues);

}  // namespace postern::agent
