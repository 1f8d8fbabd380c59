// SPDX-License-Identifier: Apache-2.0
// Typed readers for configuration values. Each stores the value and returns "", or leaves the target unchanged and
// says what was expected and what was found. Values that may be secrets are not repeated.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/config/config_keys.h"
#include "core/text.h"

namespace postern::agent {

std::string expected(std::string_view what, const ConfigNode& found);
/// The value and what is wrong with it, as a message.
std::string wrong_value(std::string_view value, std::string_view problem);

std::string read_duration(const ConfigNode& node, Micros least, Micros most, Micros& out);
std::string read_integer(const ConfigNode& node, std::int64_t least, std::int64_t most, std::int64_t& out);
std::string read_size(const ConfigNode& node, std::uint64_t least, std::uint64_t most, std::uint64_t& out);
/// 0 to 1.
std::string read_share(const ConfigNode& node, double& out);
std::string read_boolean(const ConfigNode& node, bool& out);
/// `check` returns "" or what is wrong with the text.
std::string read_string(const ConfigNode& node, std::string_view what,
                        const std::function<std::string(const std::string&)>& check, std::string& out);
/// An absolute path; a secret in its place is refused with advice.
std::string read_path(const ConfigNode& node, std::string& out);
std::string read_prefixes(const ConfigNode& node, std::vector<core::IpPrefix>& out);
std::string read_sockets(const ConfigNode& node, std::uint16_t default_port, std::vector<core::SocketAddress>& out);
/// "" or what is wrong: must be a host's address, not 0.0.0.0, not multicast, without a port.
std::string parse_host_address(const std::string& text, core::IpAddress& out);
std::string parse_socket(const std::string& text, std::uint16_t default_port, core::SocketAddress& out);

/// Of [fleet]: "" or what is wrong.
std::string check_list_url(const std::string& text);
std::string check_report_url(const std::string& text);
std::string take_list_key(const std::string& text, std::string& out);

template <class Int>
std::string read_int(const ConfigNode& node, std::int64_t least, std::int64_t most, Int& out) {
    std::int64_t value = 0;
    std::string problem = read_integer(node, least, most, value);
    if (problem.empty()) out = static_cast<Int>(value);
    return problem;
}

template <class Enum>
std::string read_word(const ConfigNode& node, std::initializer_list<std::pair<std::string_view, Enum>> words,
                      Enum& out) {
    std::string list;
    for (const auto& [word, value] : words) {
        if (node.type == ConfigNode::Type::kString && node.text == word) {
            out = value;
            return "";
        }
        core::add_item(list, fmt::format("\"{}\"", word));
    }
    return expected("one of " + list, node);
}

/// A list of texts. `one(text, item)` returns "" or what is wrong with it; every wrong item is named.
template <class Item, class One>
std::string read_list(const ConfigNode& node, std::string_view what, std::size_t least, std::size_t most, One one,
                      std::vector<Item>& out) {
    if (node.type != ConfigNode::Type::kList) return expected(fmt::format("a list of {} in [ ]", what), node);
    if (node.items.size() < least) return fmt::format("is an empty list: expected at least {} of {}", least, what);
    if (node.items.size() > most) return fmt::format("has {} items: at most {} are allowed", node.items.size(), most);
    std::vector<Item> items;
    std::string problems;
    for (std::size_t i = 0; i < node.items.size(); ++i) {
        const ConfigNode& n = node.items[i];
        Item item{};
        std::string problem;
        if (n.type != ConfigNode::Type::kString) {
            problem = expected("a text in quotes", n);
        } else if (problem = one(n.text, item); !problem.empty()) {
            problem = wrong_value(n.text, problem);
        } else if (std::find(items.begin(), items.end(), item) != items.end()) {
            problem = wrong_value(n.text, "is there twice");
        }
        if (problem.empty()) {
            items.push_back(std::move(item));
        } else {
            problems += problems.empty() ? problem : "; " + problem;
        }
    }
    if (problems.empty()) out = std::move(items);
    return problems;
}

}  // namespace postern::agent
