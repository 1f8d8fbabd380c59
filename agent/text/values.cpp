// SPDX-License-Identifier: Apache-2.0
#include "agent/text/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "core/ip_address.h"
#include "core/printable.h"
#include "core/text.h"

namespace postern::agent {

using core::Micros;

namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
bool is_alnum(char c) {
    return is_digit(c) || is_lower(c) || (c >= 'A' && c <= 'Z');
}
struct Unit {
    std::string_view name;
    std::int64_t factor;
};
// In falling order, but "ms" before "m": the first match is the longest.
constexpr std::array<Unit, 6> kDurationUnits{{{"d", core::kDay},
                                              {"h", core::kHour},
                                              {"ms", core::kMillisecond},
                                              {"m", core::kMinute},
                                              {"s", core::kSecond},
                                              {"us", 1}}};
constexpr std::array<Unit, 4> kSizeUnits{{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}};
constexpr Micros kMaxDuration = 36500 * core::kDay;

/// Reads "NUMBER UNIT" off the front of `text`; nullopt when it isn't one or is out of range.
template <std::size_t N>
std::optional<std::int64_t> take_quantity(std::string_view& text, const std::array<Unit, N>& units, Unit& unit) {
    std::int64_t number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec != std::errc{} || number < 0 || text.front() == '-') return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    for (const Unit& u : units) {
        if (text.substr(0, u.name.size()) != u.name) continue;
        if (number > kMaxDuration / u.factor) return std::nullopt;
        text.remove_prefix(u.name.size());
        unit = u;
        return number * u.factor;
    }
    return std::nullopt;
}

bool valid_label(std::string_view label) {
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    return std::all_of(label.begin(), label.end(), [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
}

bool ends_with_label(std::string_view name, std::string_view suffix) {
    return name == suffix ||
           (name.size() > suffix.size() && name.ends_with(suffix) && name[name.size() - suffix.size() - 1] == '.');
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> out;
    for (;;) {
        const auto at = text.find(separator);
        out.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return out;
        text.remove_prefix(at + 1);
    }
}

/// The host of "https://host:port/path", to suggest it in a message.
std::string_view host_of_url(std::string_view url) {
    url.remove_prefix(url.find("://") + 3);
    url = url.substr(0, url.find_first_of("/?#"));
    if (const auto at = url.rfind('@'); at != std::string_view::npos) url.remove_prefix(at + 1);
    return url.substr(0, url.find(':'));
}

/// cn-hangzhou, ap-southeast-1, cn-north-2-gov-1: words of a-z0-9 joined by '-', the first of two letters.
bool region_like(std::string_view text) {
    if (text.size() < 4 || text.size() > 40 || !is_lower(text[0]) || !is_lower(text[1]) || text[2] != '-') return false;
    for (const auto word : split(text, '-')) {
        if (word.empty() || !std::all_of(word.begin(), word.end(), [](char c) { return is_lower(c) || is_digit(c); })) {
            return false;
        }
    }
    return true;
}

}  // namespace

std::optional<Micros> parse_duration(std::string_view text) {
    if (text.empty()) return std::nullopt;
    Micros total = 0;
    std::int64_t last_factor = INT64_MAX;
    while (!text.empty()) {
        Unit unit{};
        const auto part = take_quantity(text, kDurationUnits, unit);
        if (!part || unit.factor >= last_factor) return std::nullopt;
        last_factor = unit.factor;
        total += *part;
        if (total > kMaxDuration) return std::nullopt;
    }
    return total;
}

std::string format_duration(Micros us) {
    if (us == 0) return "0s";
    for (const Unit& unit :
         {kDurationUnits[0], kDurationUnits[1], kDurationUnits[3], kDurationUnits[4], kDurationUnits[2]}) {
        // One unit is always exact, and 90s is easier to read than 1m30s.
        if (us % unit.factor == 0) return fmt::format("{}{}", us / unit.factor, unit.name);
    }
    return fmt::format("{}us", us);
}

std::string rough_duration(Micros us) {
    const Micros s = std::max<Micros>(us, 0) / core::kSecond;
    if (s < 100) return fmt::format("{} s", s);
    if (s < 100 * 60) return fmt::format("{} min", s / 60);
    if (s < 72 * 3600) return fmt::format("{} h", s / 3600);
    return fmt::format("{} d", s / 86400);
}

std::string generation_text(std::uint64_t generation) {
    return fmt::format("{}.{}", generation >> 32, generation & 0xffffffffu);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
    Unit unit{};
    const auto size = text.empty() ? std::nullopt : take_quantity(text, kSizeUnits, unit);
    if (!size || !text.empty()) return std::nullopt;
    return static_cast<std::uint64_t>(*size);
}

tl::expected<std::string, core::Message> normalise_host(std::string_view text) {
    const auto wrong = [](core::Message what) { return tl::unexpected<core::Message>(std::move(what)); };
    if (text.empty()) return wrong("is empty: copy the private DNS name from the console");
    if (text.find("://") != std::string_view::npos) {
        const auto host = host_of_url(text);
        if (!normalise_host(host)) return wrong("is a URL: give the host name alone");
        return wrong(core::message("is a URL: give the host name alone, {}", shown(host)));
    }
    if (text.find_first_of("/?@ ") != std::string_view::npos) {
        return wrong("is not a host name: give the name alone, without path, token or port");
    }
    if (core::IpAddress::parse(text)) {
        return wrong(
            core::message("is an address ({}): give the private DNS name; addresses go to \"addresses\"", text));
    }
    if (text.find(':') != std::string_view::npos) {
        return wrong("has a port: give the name alone; the port is [link.probe] port");
    }
    std::string name = core::lowered(text);
    if (name.back() == '.') name.pop_back();
    if (name.size() > 253) return wrong(core::message("is {} bytes long: a name has at most 253", name.size()));
    if (name.starts_with("*."))
        return wrong("is a wildcard: postern answers exact names only, so that siblings stay reachable");
    const auto labels = split(name, '.');
    for (const auto label : labels) {
        if (label.size() > 63) return wrong("has a part longer than 63 bytes");
        if (!valid_label(label)) {
            return wrong(
                core::message("{} is not a host name: parts are letters, digits and '-', joined by dots", shown(text)));
        }
    }
    for (const std::string_view reserved : {"localhost", "arpa", "invalid", "onion", "local"}) {
        if (ends_with_label(name, reserved)) {
            return wrong(
                core::message("{} has a special meaning (.{}) and can't be a private name", shown(text), reserved));
        }
    }
    if (labels.size() < 2)
        return wrong(core::message("{} has one part only: give the full name, with its domain", shown(text)));
    const auto last = labels.back();
    if (std::all_of(last.begin(), last.end(), is_digit)) {
        return wrong(core::message("{} ends in a number: that is not a DNS name", shown(text)));
    }
    return name;
}

core::Message check_endpoint_id(std::string_view text) {
    if (text.starts_with("epsrv-")) {
        return "is the ID of an endpoint service: give the endpoint's, which begins with \"ep-\"";
    }
    if (text.find('.') != std::string_view::npos) {
        return "is a domain name: give the endpoint's ID alone, \"ep-\" and what follows up to the first dot "
               "or zone";
    }
    const bool id = text.starts_with("ep-") && text.size() >= 4 && text.size() <= 64 &&
                    std::all_of(text.begin() + 3, text.end(), [](char c) { return is_lower(c) || is_digit(c); });
    return id ? ""
              : "is not an endpoint ID: expected \"ep-\" and small letters and digits, as the VPC console "
                "shows it";
}

core::Message check_region(std::string_view text) {
    if (!region_like(text)) return "is not a region ID: expected one like \"cn-hangzhou\" or \"ap-southeast-1\"";
    const auto words = split(text, '-');
    const auto last = words.back();
    const bool letter = words.size() > 2 && last.size() == 1 && is_lower(last[0]);
    const bool number_letter = last.size() >= 2 && is_lower(last.back()) && is_digit(last[last.size() - 2]);
    if (letter || number_letter) {
        const auto region = text.substr(0, text.size() - (letter ? 2u : 1u));
        return core::message("is a zone: the region is \"{}\"", region);
    }
    return "";
}

core::Message check_zone(std::string_view text) {
    return region_like(text) ? "" : "is not a zone ID: expected one like \"cn-hangzhou-h\"";
}

core::Message check_link_name(std::string_view text) {
    if (text.empty()) return "is empty";
    if (text.size() > 63) return "is longer than 63 bytes";
    const bool fine = is_alnum(text[0]) && std::all_of(text.begin(), text.end(), [](char c) {
                          return is_alnum(c) || c == '-' || c == '_' || c == '.';
                      });
    return fine ? "" : "may have letters, digits, '-', '_' and '.' only, and begins with a letter or digit";
}

core::Message check_absolute_path(std::string_view text) {
    if (text.empty()) return "is empty";
    if (text.size() > 1024) return "is longer than 1024 bytes";
    if (std::any_of(text.begin(), text.end(), [](char c) { return std::iscntrl(static_cast<unsigned char>(c)); })) {
        return "has a control character";
    }
    if (text[0] != '/') return "is not an absolute path: expected one that begins with \"/\"";
    for (const auto part : split(text, '/')) {
        if (part == "..") return "goes through \"..\": give the direct path";
    }
    return "";
}

core::Message check_base_url(std::string_view text, bool https_only) {
    const std::string expected = https_only ? "https://host[:port]" : "http://host[:port]";
    const auto scheme_end = text.find("://");
    const auto scheme = scheme_end == std::string_view::npos ? std::string_view{} : text.substr(0, scheme_end);
    if (https_only && scheme == "http") return "is not encrypted: signed requests go over https:// only";
    if (scheme != "https" && (https_only || scheme != "http"))
        return core::message("is not a URL: expected {}", expected);
    auto authority = text.substr(scheme_end + 3);
    if (!authority.empty() && authority.back() == '/') authority.remove_suffix(1);
    if (authority.find('@') != std::string_view::npos) {
        return "has a user name or password in it: credentials don't belong in the configuration";
    }
    if (authority.find_first_of("/?# ") != std::string_view::npos)
        return core::message("has a path or query: expected {}", expected);
    if (core::SocketAddress::parse(authority, 443)) return "";
    auto host = authority;
    if (const auto colon = authority.find(':'); colon != std::string_view::npos) {
        host = authority.substr(0, colon);
        unsigned port = 0;
        const auto digits = authority.substr(colon + 1);
        const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
        if (ec != std::errc{} || end != digits.data() + digits.size() || port == 0 || port > 65535) {
            return "has no valid port: expected 1 to 65535";
        }
    }
    const auto labels = split(host, '.');
    const bool name = host.size() <= 253 && std::all_of(labels.begin(), labels.end(), valid_label);
    return name ? "" : core::message("has no valid host name: expected {}", expected);
}

std::string shown(std::string_view text) {
    if (looks_like_secret(text.substr(0, text.find_last_not_of(' ') + 1))) return "\"…\"";
    std::string out;
    bool cut = false;
    // A password comes before '@', a token after '?'.
    if (const auto at = text.find('@'); at != std::string_view::npos) {
        text.remove_prefix(at);
        out = "…";
    }
    if (const auto query = text.find('?'); query != std::string_view::npos && query + 1 < text.size()) {
        text = text.substr(0, query + 1);
        cut = true;
    }
    if (text.size() > 60) {
        text = core::whole_characters(text, 60);
        cut = true;
    }
    out += core::printable(text);
    return '"' + out + (cut ? "…\"" : "\"");
}

bool looks_like_secret(std::string_view text) {
    if (text.find("ed25519-private:") != std::string_view::npos) return true;
    if (text.size() < 16 || text.find_first_of("/. ") != std::string_view::npos) return false;
    const bool word = std::all_of(text.begin(), text.end(),
                                  [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '+' || c == '='; });
    const auto digits = std::count_if(text.begin(), text.end(), is_digit);
    const bool has_lower = std::any_of(text.begin(), text.end(), is_lower);
    return word && has_lower && digits >= 3;
}

std::optional<std::string_view> nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
    const auto distance = [](std::string_view a, std::string_view b) {
        std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
        for (std::size_t i = 0; i <= a.size(); ++i)
            d[i][0] = i;
        for (std::size_t j = 0; j <= b.size(); ++j)
            d[0][j] = j;
        for (std::size_t i = 1; i <= a.size(); ++i) {
            for (std::size_t j = 1; j <= b.size(); ++j) {
                const std::size_t other = core::lower(a[i - 1]) == b[j - 1] ? 0 : 1;
                d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + other});
                if (i > 1 && j > 1 && core::lower(a[i - 1]) == b[j - 2] && core::lower(a[i - 2]) == b[j - 1]) {
                    d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
                }
            }
        }
        return d[a.size()][b.size()];
    };
    if (word.size() > 64) return std::nullopt;
    std::optional<std::string_view> best;
    // With a short word nearly everything is two edits away.
    std::size_t best_distance = (word.size() <= 4 ? 1 : std::max<std::size_t>(2, word.size() / 3)) + 1;
    for (const auto candidate : candidates) {
        const std::size_t d = distance(word, candidate);
        if (d < best_distance && d < candidate.size()) {
            best = candidate;
            best_distance = d;
        }
    }
    return best;
}

}  // namespace postern::agent
