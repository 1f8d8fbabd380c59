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

/// The form of expected(): with its key before it, another sentence in some languages.
inline constexpr const char* kExpected = "expected {}, found {}";
core::Message expected(core::Message what, const ConfigNode& found);
/// The value and what is wrong with it, as a message.
core::Message wrong_value(std::string_view value, core::Message problem);

/// "a; b; c", nested no deeper than the logarithm of the list's length: a fault's value has a bound of depth.
core::Message sentences(std::vector<core::Message> list);

core::Message read_duration(const ConfigNode& node, Micros least, Micros most, Micros& out);
core::Message read_integer(const ConfigNode& node, std::int64_t least, std::int64_t most, std::int64_t& out);
core::Message read_size(const ConfigNode& node, std::uint64_t least, std::uint64_t most, std::uint64_t& out);
/// 0 to 1.
core::Message read_share(const ConfigNode& node, double& out);
core::Message read_boolean(const ConfigNode& node, bool& out);
/// `check` returns "" or what is wrong with the text.
core::Message read_string(const ConfigNode& node, core::Message what,
                          const std::function<core::Message(const std::string&)>& check, std::string& out);
/// An absolute path; a secret in its place is refused with advice.
core::Message read_path(const ConfigNode& node, std::string& out);
core::Message read_prefixes(const ConfigNode& node, std::vector<core::IpPrefix>& out);
core::Message read_sockets(const ConfigNode& node, std::uint16_t default_port, std::vector<core::SocketAddress>& out);
/// "" or what is wrong: must be a host's address, not 0.0.0.0, not multicast, without a port.
core::Message parse_host_address(const std::string& text, core::IpAddress& out);
core::Message parse_socket(const std::string& text, std::uint16_t default_port, core::SocketAddress& out);

/// Of [fleet]: "" or what is wrong.
core::Message check_list_url(const std::string& text);
core::Message check_report_url(const std::string& text);
core::Message take_list_key(const std::string& text, std::string& out);

template <class Int>
core::Message read_int(const ConfigNode& node, std::int64_t least, std::int64_t most, Int& out) {
    std::int64_t value = 0;
    core::Message problem = read_integer(node, least, most, value);
    if (problem.empty()) out = static_cast<Int>(value);
    return problem;
}

template <class Enum>
core::Message read_word(const ConfigNode& node, std::initializer_list<std::pair<std::string_view, Enum>> words,
                        Enum& out) {
    std::string list;
    for (const auto& [word, value] : words) {
        if (node.type == ConfigNode::Type::kString && node.text == word) {
            out = value;
            return "";
        }
        core::add_item(list, fmt::format("\"{}\"", word));
    }
    return expected(core::message("one of {}", list), node);
}

/// A list of texts. `one(text, item)` returns "" or what is wrong with it; every wrong item is named.
template <class Item, class One>
core::Message read_list(const ConfigNode& node, core::Message what, std::size_t least, std::size_t most, One one,
                        std::vector<Item>& out) {
    if (node.type != ConfigNode::Type::kList)
        return expected(core::message("a list of {} in [ ]", std::move(what)), node);
    if (node.items.size() < least)
        return core::message("is an empty list: expected at least {} of {}", least, std::move(what));
    if (node.items.size() > most) return core::message("has {} items: at most {} are allowed", node.items.size(), most);
    std::vector<Item> items;
    std::vector<core::Message> problems;
    for (std::size_t i = 0; i < node.items.size(); ++i) {
        const ConfigNode& n = node.items[i];
        Item item{};
        core::Message problem;
        if (n.type != ConfigNode::Type::kString) {
            problem = expected("a text in quotes", n);
        } else if (problem = one(n.text, item); !problem.empty()) {
            problem = wrong_value(n.text, std::move(problem));
        } else if (std::find(items.begin(), items.end(), item) != items.end()) {
            problem = wrong_value(n.text, "is there twice");
        }
        if (problem.empty()) {
            items.push_back(std::move(item));
        } else {
            problems.push_back(std::move(problem));
        }
    }
    if (problems.empty()) out = std::move(items);
    return sentences(std::move(problems));
}

}  // namespace postern::agent
