// SPDX-License-Identifier: Apache-2.0
#include "agent/config/config_readers.h"

#include "agent/crypto/ed25519.h"
#include "agent/text/object_place.h"
#include "agent/text/values.h"

namespace postern::agent {

using Type = ConfigNode::Type;

core::Message expected(core::Message what, const ConfigNode& found) {
    return core::message(kExpected, std::move(what), found.describe());
}

core::Message wrong_value(std::string_view value, core::Message problem) {
    return looks_like_secret(value) ? problem : core::message("{} {}", shown(value), std::move(problem));
}

core::Message sentences(std::vector<core::Message> list) {
    if (list.empty()) return {};
    while (list.size() > 1) {
        std::vector<core::Message> pairs;
        for (std::size_t i = 0; i + 1 < list.size(); i += 2)
            pairs.push_back(core::message("{}; {}", std::move(list[i]), std::move(list[i + 1])));
        if (list.size() % 2 != 0) pairs.push_back(std::move(list.back()));
        list = std::move(pairs);
    }
    return std::move(list.front());
}

core::Message read_duration(const ConfigNode& node, Micros least, Micros most, Micros& out) {
    const auto range = core::message("{} to {}", format_duration(least), format_duration(most));
    if (node.type == Type::kInteger) {
        return core::message("has no unit: expected a duration such as \"{}s\" ({}), found {}", node.integer, range,
                             node.integer);
    }
    const auto value = node.type == Type::kString ? parse_duration(node.text) : std::nullopt;
    if (!value) return expected(core::message("a duration such as \"10s\", \"1200ms\" or \"5m\" ({})", range), node);
    if (*value < least || *value > most) return expected(range, node);
    out = *value;
    return "";
}

core::Message read_integer(const ConfigNode& node, std::int64_t least, std::int64_t most, std::int64_t& out) {
    if (node.type != Type::kInteger || node.integer < least || node.integer > most) {
        return expected(core::message("a whole number from {} to {}", least, most), node);
    }
    out = node.integer;
    return "";
}

core::Message read_size(const ConfigNode& node, std::uint64_t least, std::uint64_t most, std::uint64_t& out) {
    const auto value = node.type == Type::kString ? parse_size(node.text) : std::nullopt;
    if (!value || *value < least || *value > most) {
        return expected(core::message("a size such as \"16MiB\" ({}KiB to {}MiB)", least >> 10, most >> 20), node);
    }
    out = *value;
    return "";
}

core::Message read_share(const ConfigNode& node, double& out) {
    const bool number = node.type == Type::kFloat || node.type == Type::kInteger;
    const double value = node.type == Type::kFloat ? node.number : static_cast<double>(node.integer);
    if (!number || !(value >= 0 && value <= 1)) return expected("a share from 0 to 1, such as 0.9", node);
    out = value;
    return "";
}

core::Message read_boolean(const ConfigNode& node, bool& out) {
    if (node.type != Type::kBoolean) return expected("true or false", node);
    out = node.boolean;
    return "";
}

core::Message read_string(const ConfigNode& node, core::Message what,
                          const std::function<core::Message(const std::string&)>& check, std::string& out) {
    if (node.type != Type::kString) return expected(std::move(what), node);
    if (core::Message problem = check(node.text); !problem.empty()) return wrong_value(node.text, std::move(problem));
    out = node.text;
    return "";
}

core::Message read_path(const ConfigNode& node, std::string& out) {
    if (node.type == Type::kString && looks_like_secret(node.text)) {
        return "looks like a secret itself: put it into a file (root:postern, mode 0640) and give that "
               "file's path here";
    }
    return read_string(node, "a path in quotes", check_absolute_path, out);
}

core::Message read_prefixes(const ConfigNode& node, std::vector<core::IpPrefix>& out) {
    const auto one = [](const std::string& text, core::IpPrefix& prefix) -> core::Message {
        if (const auto parsed = core::IpPrefix::parse(text)) {
            prefix = *parsed;
            return "";
        }
        const bool has_ip = core::IpAddress::parse(std::string_view(text).substr(0, text.find('/'))).has_value();
        return has_ip ? "is no prefix: its length is out of range, or there are address bits behind it "
                        "(10.0.0.0/8 is one)"
                      : "is not a prefix: expected one like \"127.0.0.0/8\" or \"::1/128\"";
    };
    return read_list(node, "prefixes", 1, 64, one, out);
}

core::Message read_sockets(const ConfigNode& node, std::uint16_t default_port, std::vector<core::SocketAddress>& out) {
    const auto one = [default_port](const std::string& text, core::SocketAddress& address) {
        return parse_socket(text, default_port, address);
    };
    return read_list(node, "addresses", 1, 16, one, out);
}

core::Message parse_socket(const std::string& text, std::uint16_t default_port, core::SocketAddress& out) {
    if (const auto address = core::SocketAddress::parse(text, default_port)) {
        out = *address;
        return "";
    }
    if (const auto any_port = core::SocketAddress::parse(text, 0); any_port && any_port->port == 0) {
        return core::message("has port 0: give the real one, {} by default", default_port);
    }
    return core::message("is not an address with a port: expected one like \"127.0.0.1:{}\" or \"[::1]:{}\"",
                         default_port, default_port);
}

core::Message parse_host_address(const std::string& text, core::IpAddress& out) {
    const auto ip = core::IpAddress::parse(text);
    if (!ip) {
        return core::SocketAddress::parse(text, 0) ? "has a port: give the address alone; the port is [link.probe] port"
                                                   : "is not an IP address";
    }
    if (!ip->is_host()) return "is not the address of a host";
    out = *ip;
    return "";
}

core::Message check_list_url(const std::string& text) {
    const auto place = parse_object_place(text);
    if (!place) return core::message("is not the place of a list: {}; {}", place.error().what, place.error().hint);
    return place->kind == StoreKind::kFile ? "is a file of this host: see zones_file of a link" : "";
}

core::Message check_report_url(const std::string& text) {
    const auto place = parse_folder_place(text);
    return place ? core::Message()
                 : core::message("is not a folder of reports: {}; {}", place.error().what, place.error().hint);
}

core::Message take_list_key(const std::string& text, std::string& out) {
    out = text;
    if (text.starts_with("ed25519-private:")) return "is a private key, which only the publisher has";
    return PublicKey::parse(text) ? ""
                                  : "is not a public key: expected \"ed25519:…\", as postern publish keygen prints it";
}

}  // namespace postern::agent
