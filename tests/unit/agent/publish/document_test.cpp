// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/document.h"

#include "tests/unit/agent/publish/memory_zones.h"
#include "tests/unit/catch.h"

using namespace postern::agent;
using namespace postern::agent::publish;

namespace {

const std::vector<PublishedName> kNames = {
    {"prod",
     "db.example.com",
     {at("10.0.1.23", "cn-hangzhou-h"), at("10.0.2.9", "cn-hangzhou-i"), at("fd00::9", "cn-hangzhou-i")}},
    {"test", "db-2.example.com", {{*postern::core::IpAddress::parse("10.0.3.1"), "", ""}}}};

}  // namespace

TEST_CASE("document: JSON", "[publish]") {
    const std::string text = document(Form::kJson, {kNames[1]}, kNow, {});
    CHECK(text == R"({
  "schema_version": 1,
  "generator": "postern publish",
  "changed_at": "2026-01-02T03:04:05Z",
  "names": {
    "db-2.example.com": {
      "link": "test",
      "ttl": 30,
      "addresses": [
        {
          "ip": "10.0.3.1",
          "zone": "",
          "endpoint": ""
        }
      ]
    }
  }
}
)");
    CHECK(changed_in(Form::kJson, text) == kNow);
    CHECK(document(Form::kJson, {kNames[1]}, changed_in(Form::kJson, text), {}) == text);
}

TEST_CASE("document: lines as in /etc/hosts", "[publish]") {
    CHECK(document(Form::kHosts, kNames, kNow, {}) ==
          "# Written by postern publish; changes are overwritten.\n"
          "10.0.1.23 db.example.com  # cn-hangzhou-h\n"
          "10.0.2.9 db.example.com  # cn-hangzhou-i\n"
          "fd00::9 db.example.com  # cn-hangzhou-i\n"
          "10.0.3.1 db-2.example.com\n");
}

TEST_CASE("document: a DNSEndpoint, one entry a family", "[publish]") {
    CHECK(document(Form::kDnsEndpoint, kNames, kNow, {5, "tdengine", "dns"}) ==
          "# Written by postern publish; changes are overwritten.\n"
          "apiVersion: externaldns.k8s.io/v1alpha1\n"
          "kind: DNSEndpoint\n"
          "metadata:\n"
          "  name: \"tdengine\"\n"
          "  namespace: \"dns\"\n"
          "  labels:\n"
          "    app.kubernetes.io/managed-by: postern\n"
          "spec:\n"
          "  endpoints:\n"
          "    - dnsName: \"db.example.com\"\n"
          "      recordType: A\n"
          "      recordTTL: 5\n"
          "      targets:\n"
          "        - \"10.0.1.23\"\n"
          "        - \"10.0.2.9\"\n"
          "    - dnsName: \"db.example.com\"\n"
          "      recordType: AAAA\n"
          "      recordTTL: 5\n"
          "      targets:\n"
          "        - \"fd00::9\"\n"
          "    - dnsName: \"db-2.example.com\"\n"
          "      recordType: A\n"
          "      recordTTL: 5\n"
          "      targets:\n"
          "        - \"10.0.3.1\"\n");
    CHECK(document(Form::kDnsEndpoint, kNames, kNow, {}).find("namespace") == std::string::npos);
}

TEST_CASE("document: knows its own, and nobody else's", "[publish]") {
    for (const Form form : {Form::kJson, Form::kHosts, Form::kDnsEndpoint}) {
        CHECK(is_ours(form, document(form, kNames, kNow, {})));
        for (const char* other : {"127.0.0.1 localhost\n", "{}", "[]", "{\"generator\":\"other\"}",
                                  "# Written by hand\n", "kind: DNSEndpoint\n"})
            CHECK_FALSE(is_ours(form, other));
    }
    CHECK_FALSE(is_ours(Form::kJson, document(Form::kHosts, kNames, kNow, {})));
    CHECK(changed_in(Form::kHosts, document(Form::kHosts, kNames, kNow, {})) == 0);
    CHECK(changed_in(Form::kJson, "{\"changed_at\":\"never\"}") == 0);
    CHECK(changed_in(Form::kJson, "{") == 0);
}

TEST_CASE("document: whether a text has a name", "[publish]") {
    for (const Form form : {Form::kJson, Form::kHosts, Form::kDnsEndpoint}) {
        const std::string text = document(form, kNames, kNow, {});
        CHECK(mentions(text, "db.example.com"));
        CHECK(mentions(text, "db-2.example.com"));
        CHECK_FALSE(mentions(text, "b.example.com"));
        CHECK_FALSE(mentions(text, "db.example.co"));
        CHECK_FALSE(mentions(text, "2.example.com"));
    }
    CHECK_FALSE(mentions("", "db.example.com"));
}

TEST_CASE("document: names of Kubernetes objects", "[publish]") {
    for (const char* good : {"postern", "a", "td-1"})
        CHECK(check_object_name(good).empty());
    for (const char* bad : {"", "-a", "a-", "A", "a.b", "a b", "a\"b"})
        CHECK_FALSE(check_object_name(bad).empty());
    CHECK_FALSE(check_object_name(std::string(64, 'a')).empty());
}
