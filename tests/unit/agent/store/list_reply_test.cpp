// SPDX-License-Identifier: Apache-2.0
#include "agent/store/list_reply.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

std::string problem(const std::string& xml) {
    const auto page = read_list_reply(xml);
    return page ? "" : page.error().text();
}

const std::string kObject = "<Contents><Key>a</Key><Size>1</Size></Contents>";

}  // namespace

TEST_CASE("list reply: as OSS writes it", "[list_reply]") {
    const auto page = read_list_reply(R"(<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult>
  <Name>fleet</Name><Prefix>prod/reports/</Prefix><StartAfter></StartAfter><MaxKeys>2</MaxKeys><Delimiter>/</Delimiter>
  <EncodingType/>
  <IsTruncated>true</IsTruncated>
  <NextContinuationToken>CgJi&amp;Yw--</NextContinuationToken>
  <Contents>
    <Key>prod/reports/web-1_i-a.json</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>
    <ETag>"5B3C1A2E053D763E1B002CC607C5A0FE1****"</ETag><Type>Normal</Type><Size>344606</Size>
    <StorageClass>Standard</StorageClass><Owner><ID>0022012****</ID><DisplayName>user</DisplayName></Owner>
  </Contents>
  <Contents><Key>a&lt;&#98;&#x63;&amp;</Key><ETag/><Size>0</Size></Contents>
  <CommonPrefixes><Prefix>prod/reports/old/</Prefix></CommonPrefixes>
  <KeyCount>2</KeyCount>
</ListBucketResult>
)");
    REQUIRE(page);
    CHECK(page->next == "CgJi&Yw--");
    CHECK(page->objects ==
          std::vector<ListedObject>{
              {"prod/reports/web-1_i-a.json", "\"5B3C1A2E053D763E1B002CC607C5A0FE1****\"", 344606}, {"a<bc&", "", 0}});
}

TEST_CASE("list reply: the last page, and an empty one", "[list_reply]") {
    const auto last = read_list_reply(
        "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><IsTruncated>false</IsTruncated>" +
        kObject + "</ListBucketResult>");
    REQUIRE(last);
    CHECK(last->next.empty());
    CHECK(last->objects.size() == 1);
    CHECK(read_list_reply("<ListBucketResult/>")->objects.empty());
}

TEST_CASE("list reply: what is none is refused", "[list_reply]") {
    const std::string whole = "<ListBucketResult>" + kObject + "</ListBucketResult>";
    REQUIRE(problem(whole).empty());
    for (std::size_t cut = 0; cut < whole.size(); ++cut)
        CHECK_FALSE(problem(whole.substr(0, cut)).empty());
    CHECK(problem(whole + "x").find("no whole XML") != std::string::npos);
    CHECK(problem(whole + whole).find("no whole XML") != std::string::npos);
    CHECK(problem("<Error><Code>x</Code></Error>").find("no ListBucketResult") != std::string::npos);
    CHECK(problem("<!DOCTYPE x [<!ENTITY a \"b\">]>" + whole).find("no whole XML") != std::string::npos);
    CHECK(problem("<ListBucketResult><Contents><Key>&a;</Key><Size>1</Size></Contents></ListBucketResult>")
              .find("no whole XML") != std::string::npos);
    CHECK(problem("<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>").find("no name") !=
          std::string::npos);
    CHECK(problem("<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>").find("no size") !=
          std::string::npos);
    CHECK(problem("<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>")
              .find("no size") != std::string::npos);
    CHECK(problem("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>").find("next page") !=
          std::string::npos);
    CHECK(problem("<a><b></a></b>").find("no ListBucketResult") != std::string::npos);
}

TEST_CASE("list reply: bounds", "[list_reply]") {
    std::string many = "<ListBucketResult>";
    for (std::size_t i = 0; i <= kMaxListedObjects; ++i)
        many += kObject;
    CHECK(problem(many + "</ListBucketResult>").find("more than 1,000") != std::string::npos);
    CHECK(problem(std::string(kMaxListReply + 1, ' ')).find("2 MiB") != std::string::npos);
    std::string deep;
    for (int i = 0; i < 100000; ++i)
        deep += "<ListBucketResult>";
    CHECK_FALSE(problem(deep).empty());
    CHECK_FALSE(
        problem("<ListBucketResult><Prefix>" + std::string(10000, 'a') + "</Prefix></ListBucketResult>").empty());
}
