// SPDX-License-Identifier: Apache-2.0
// Walks the key table: every row is taken with its good value and refused with its bad one, on the right
// line.
#include <algorithm>

#include <fmt/format.h>

#include "agent/config/config_keys.h"
#include "agent/config/unknown_key.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

/// A valid file in which `row` has this value on line 3 of its own section.
std::string file_with(const KeyRow& row, std::string_view value) {
    const std::string line = fmt::format("{} = {}\n", row.name, value);
    const auto link = [&](std::string_view key, std::string_view fallback) {
        return row.section == Section::kLink && row.name == key ? std::string()
                                                                : fmt::format("{} = {}\n", key, fallback);
    };
    std::string out;
    if (row.section != Section::kLink && row.section != Section::kProbe) {
        out = fmt::format("[{}]\n\n{}", to_string(row.section), line);
        if (row.name == "fleet_only") out += "list_url = \"oss://fleet/current.json\"\n";
        if (row.name == "report") out += "report_url = \"oss://fleet/reports/\"\n";
        if (row.name == "fleet_only" || row.name == "list_url")
            out += "list_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"]\n";
        return out +
               "[[link]]\nname = \"x\"\nhost = \"x.example.com\"\naddresses = [\"10.0.0.9\"]\ntoken_file = "
               "\"/x\"\n";
    }
    out = "[[link]]\n\n";
    if (row.section == Section::kLink) out += line;
    out += link("name", "\"x\"") + link("host", "\"x.example.com\"");
    const bool source = row.section == Section::kLink && (row.name == "endpoint" || row.name == "addresses" ||
                                                          row.name == "target" || row.name == "zones_file");
    if (!source) out += row.name == "zones" ? "endpoint = \"ep-abc\"\n" : "addresses = [\"10.0.0.9\"]\n";
    if (row.name == "compare_interval") out += "compare = \"gw.example.com\"\n";
    if (row.section == Section::kProbe) out += "[link.probe]\n" + line;
    if (row.name == "status" || row.name == "body_contains" || row.name == "json") out += "kind = \"https\"\n";
    return out;
}

int line_of(const std::string& text, std::string_view part) {
    const auto at = text.find(part);
    return 1 + static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

std::string all(const std::vector<ConfigIssue>& issues) {
    std::string out;
    for (const auto& issue : issues)
        out += format_issue("f", issue) + "\n";
    return out;
}

}  // namespace

TEST_CASE("config: every key of the table takes its good value", "[config]") {
    for (const KeyRow& row : config_keys()) {
        const std::string text = file_with(row, row.good);
        const auto config = parse_config("f", text);
        INFO(text);
        INFO((config ? "" : all(config.error())));
        CHECK(config.has_value());
    }
}

TEST_CASE("config: every key of the table refuses its bad value, once, on its line", "[config]") {
    for (const KeyRow& row : config_keys()) {
        const std::string text = file_with(row, row.bad);
        const auto config = parse_config("f", text);
        INFO(text);
        REQUIRE_FALSE(config.has_value());
        INFO(all(config.error()));
        REQUIRE(config.error().size() == 1);
        const ConfigIssue& issue = config.error()[0];
        CHECK(issue.line == line_of(text, fmt::format("\n{} =", row.name)) + 1);
        CHECK(issue.key == fmt::format("{}.{}", to_string(row.section), row.name));
        CHECK_FALSE(issue.what.empty());
    }
}

TEST_CASE("config: every key is unknown when one letter is wrong, and is named", "[config]") {
    for (const KeyRow& row : config_keys()) {
        if (row.name.size() < 4 || row.name == "token_env") continue;
        std::string slip(row.name);
        slip.erase(2, 1);
        if (find_config_key(row.section, slip) != nullptr) continue;
        const std::string what = explain_unknown_key(row.section, slip);
        INFO(to_string(row.section) << "." << slip << ": " << what);
        CHECK(what.find(fmt::format("did you mean \"{}\"", row.name)) != std::string::npos);
    }
}

TEST_CASE("config: a key is there once in the table", "[config]") {
    const auto keys = config_keys();
    for (std::size_t i = 0; i < keys.size(); ++i) {
        for (std::size_t j = i + 1; j < keys.size(); ++j) {
            CHECK_FALSE((keys[i].section == keys[j].section && keys[i].name == keys[j].name));
        }
    }
}

TEST_CASE("config: a key of the wrong type is refused, whatever the type", "[config]") {
    for (const KeyRow& row : config_keys()) {
        for (const std::string_view value : {"1979-05-27", "{ a = 1 }", "3.5", "[[1]]", "-7", "\"\""}) {
            const std::string text = file_with(row, value);
            const auto config = parse_config("f", text);
            INFO(text);
            CHECK_FALSE(config.has_value());
        }
    }
}
