// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/terraform.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "agent/publish/zone_records.h"

namespace postern::agent::publish {
namespace {

/// "db.example.com" → "postern_db_example_com".
std::string identifier(const std::string& host) {
    std::string out = "postern_" + host;
    std::replace_if(
        out.begin(), out.end(), [](char c) { return c == '.' || c == '-'; }, '_');
    return out;
}

std::string of_zone(const NameWish& wish, const std::string& name) {
    std::string out = fmt::format(
        "resource \"alicloud_pvtz_zone\" \"{0}\" {{\n"
        "  zone_name     = \"{1}\"\n"
        "  proxy_pattern = \"RECORD\"\n"
        "}}\n",
        name, wish.host);
    if (wish.vpcs.empty()) return out;
    out += fmt::format(
        "\nresource \"alicloud_pvtz_zone_attachment\" \"{0}\" {{\n"
        "  zone_id = alicloud_pvtz_zone.{0}.id\n",
        name);
    for (const auto& vpc : wish.vpcs)
        out += fmt::format("  vpcs {{\n    vpc_id    = \"{}\"\n    region_id = \"{}\"\n  }}\n", vpc.vpc, vpc.region);
    return out + "}\n";
}

std::string of_record(const ZoneRecord& r, const std::string& zone, int number) {
    std::string type = r.type;
    std::transform(type.begin(), type.end(), type.begin(), [](char c) { return static_cast<char>(c - 'A' + 'a'); });
    return fmt::format(
        "\nresource \"alicloud_pvtz_zone_record\" \"{0}_{1}_{2}\" {{\n"
        "  zone_id = alicloud_pvtz_zone.{0}.id\n"
        "  rr      = \"{3}\"\n"
        "  type    = \"{4}\"\n"
        "  value   = \"{5}\"\n"
        "  ttl     = {6}\n"
        "}}\n",
        zone, type, number, r.rr, r.type, r.value, r.ttl_s);
}

}  // namespace

std::string terraform(const std::vector<NameWish>& wishes) {
    std::string out =
        "# What postern publish privatezone would write, for the provider aliyun/alicloud. It has no arguments for\n"
        "# FAST_ZONE (set it in the console: real-time answers, zone lines) nor for a record's line.\n";
    for (const auto& wish : wishes) {
        const std::string name = identifier(wish.host);
        out += "\n" + of_zone(wish, name);
        std::map<std::string, int> numbers;
        std::string lines;
        for (const auto& record : wanted_records(wish.addresses, wish.zone_lines, wish.ttl_s)) {
            if (record.line == kDefaultLine) {
                out += of_record(record, name, ++numbers[record.type]);
            } else {
                lines += "#   " + describe(record) + "\n";
            }
        }
        if (!lines.empty()) out += "\n# Not in Terraform, the records of zone lines of " + wish.host + ":\n" + lines;
    }
    return out;
}

}  // namespace postern::agent::publish
