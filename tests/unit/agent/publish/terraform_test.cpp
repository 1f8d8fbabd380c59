// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/terraform.h"

#include "tests/unit/agent/publish/memory_zones.h"
#include "tests/unit/catch.h"

using namespace postern::agent::publish;

TEST_CASE("terraform: the zone, its VPCs, the records for all; what the provider lacks as comments", "[publish]") {
    auto wish = wish_for({at("10.0.1.23", "cn-hangzhou-h"), at("10.0.2.9", "cn-hangzhou-i")});
    const std::string text = terraform({wish});
    CHECK(text.find("# ") == 0);
    CHECK(text.find(R"(
resource "alicloud_pvtz_zone" "postern_db_example_com" {
  zone_name     = "db.example.com"
  proxy_pattern = "RECORD"
}

resource "alicloud_pvtz_zone_attachment" "postern_db_example_com" {
  zone_id = alicloud_pvtz_zone.postern_db_example_com.id
  vpcs {
    vpc_id    = "vpc-1"
    region_id = "cn-hangzhou"
  }
}

resource "alicloud_pvtz_zone_record" "postern_db_example_com_a_1" {
  zone_id = alicloud_pvtz_zone.postern_db_example_com.id
  rr      = "@"
  type    = "A"
  value   = "10.0.1.23"
  ttl     = 30
}

resource "alicloud_pvtz_zone_record" "postern_db_example_com_a_2" {
  zone_id = alicloud_pvtz_zone.postern_db_example_com.id
  rr      = "@"
  type    = "A"
  value   = "10.0.2.9"
  ttl     = 30
}

# Not in Terraform, the records of zone lines of db.example.com:
#   A 10.0.1.23 for aliyun_r_cn-hangzhou-h, TTL 30
#   A 10.0.2.9 for aliyun_r_cn-hangzhou-i, TTL 30
)") != std::string::npos);
    CHECK(text.find(kMark) == std::string::npos);  // or publish would take them for its own
    wish.vpcs.clear();
    wish.zone_lines = false;
    const std::string bare = terraform({wish});
    CHECK(bare.find("attachment") == std::string::npos);
    CHECK(bare.find("aliyun_r_") == std::string::npos);
}
