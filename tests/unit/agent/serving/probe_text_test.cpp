// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/probe_text.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using probe::Kind;
using probe::LinkPolicy;
using probe::Phase;
using probe::Reason;

namespace {

ProbedAddress good(const char* ip = "10.0.1.23") {
    ProbedAddress a;
    auto& r = a.result;
    r.ip = *core::IpAddress::parse(ip);
    r.zone = "cn-hangzhou-h";
    r.ok = true;
    for (std::size_t i = 0; i < probe::kTimedPhases; ++i) {
        r.phase_us[i] = static_cast<core::Micros>(1000 << i);
        r.total_us += *r.phase_us[i];
    }
    r.http_status = 200;
    r.content_length = 77;
    r.body_bytes = 77;
    r.tls_version = "TLSv1.3";
    r.tls_cipher = "TLS_AES_256_GCM_SHA384";
    r.tls_group = "x25519";
    auto& c = r.certificate;
    c.present = true;
    c.subject = "CN=a \"b\"";
    c.issuer = "CN=ca";
    c.fingerprint_sha256 = "00ff";
    c.serial = "0a1b";
    c.names = {"gw.example.com", "*.example.com"};
    c.not_after_us = 1800000000LL * core::kSecond;
    c.chain_not_after_us = 1790000000LL * core::kSecond;
    return a;
}

ProbedAddress failed(Phase phase, Reason reason, const char* ip = "10.0.2.9") {
    ProbedAddress a = good(ip);
    a.result.ok = false;
    a.result.phase = phase;
    a.result.reason = reason;
    for (auto i = static_cast<std::size_t>(phase) + 1; i < probe::kTimedPhases; ++i)
        a.result.phase_us[i].reset();
    if (phase < Phase::kReply) a.result.http_status.reset();
    if (phase < Phase::kTls) a.result.certificate = {};
    return a;
}

bool says(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("probe text: a success in blackbox_exporter's words", "[probe_text]") {
    const std::string text = probe_text(Kind::kTdengine, LinkPolicy::kAny, {good()});
    for (const char* line :
         {"probe_success 1",
          "probe_duration_seconds 0.031",
          "probe_dns_lookup_time_seconds 0",
          "probe_http_duration_seconds{phase=\"resolve\"} 0",
          "probe_http_duration_seconds{phase=\"connect\"} 0.001",
          "probe_http_duration_seconds{phase=\"tls\"} 0.002",
          "probe_http_duration_seconds{phase=\"processing\"} 0.012",
          "probe_http_duration_seconds{phase=\"transfer\"} 0.016",
          "probe_http_status_code 200",
          "probe_http_version 1.1",
          "probe_http_ssl 1",
          "probe_http_redirects 0",
          "probe_http_content_length 77",
          "probe_http_uncompressed_body_length 77",
          "probe_failed_due_to_regex 0",
          "probe_ip_protocol 4",
          "probe_ssl_earliest_cert_expiry 1790000000",
          "probe_ssl_last_chain_expiry_timestamp_seconds 1790000000",
          "probe_ssl_last_chain_info{fingerprint_sha256=\"00ff\",subject=\"CN=a \\\"b\\\"\",issuer=\"CN=ca\","
          "subjectalternative=\"gw.example.com,*.example.com\",serialnumber=\"0a1b\"} 1",
          "probe_tls_version_info{version=\"TLS 1.3\"} 1",
          "probe_tls_cipher_info{cipher=\"TLS_AES_256_GCM_SHA384\"} 1",
          "probe_tls_group_info{group=\"x25519\"} 1"}) {
        INFO(line);
        CHECK(says(text, line));
    }
}

TEST_CASE("probe text: a failed phase keeps its time, what was not reached is 0", "[probe_text]") {
    const std::string text = probe_text(Kind::kTdengine, LinkPolicy::kAny, {failed(Phase::kTls, Reason::kTlsTimeout)});
    CHECK(says(text, "probe_success 0"));
    CHECK(says(text, "probe_http_duration_seconds{phase=\"tls\"} 0.002"));
    CHECK(says(text, "probe_http_duration_seconds{phase=\"processing\"} 0"));
    CHECK(says(text, "probe_http_status_code 0"));
    CHECK(says(text, "probe_http_version 0"));
    CHECK(says(text, "probe_http_ssl 0"));
}

TEST_CASE("probe text: a bad certificate is read, but vouches for nothing", "[probe_text]") {
    const std::string text = probe_text(Kind::kTdengine, LinkPolicy::kAny, {failed(Phase::kTls, Reason::kCertExpired)});
    CHECK(says(text, "probe_ssl_earliest_cert_expiry 1790000000"));
    CHECK(text.find("probe_ssl_last_chain") == std::string::npos);
    CHECK(text.find("probe_tls_version_info") == std::string::npos);
}

TEST_CASE("probe text: the earliest certificate is that of all addresses, the figures are of one that passed",
          "[probe_text]") {
    auto early = failed(Phase::kReply, Reason::kHttpStatus5xx);
    early.result.certificate.chain_not_after_us = 1780000000LL * core::kSecond;
    const std::string text = probe_text(Kind::kTdengine, LinkPolicy::kAny, {early, good("2001:db8::1")});
    CHECK(says(text, "probe_ssl_earliest_cert_expiry 1780000000"));
    CHECK(says(text, "probe_ssl_last_chain_expiry_timestamp_seconds 1790000000"));
    CHECK(says(text, "probe_ip_protocol 6"));
    CHECK(says(text, "probe_success 1"));
    CHECK(says(probe_text(Kind::kTdengine, LinkPolicy::kAll, {early, good()}), "probe_success 0"));
}

TEST_CASE("probe text: the hash of an address is FNV-1a, as in Go", "[probe_text]") {
    // hash/fnv: New32a over its four bytes.
    CHECK(says(probe_text(Kind::kTdengine, LinkPolicy::kAny, {good("127.0.0.1")}), "probe_ip_addr_hash 3668918509"));
}

TEST_CASE("probe text: without a token the path is all there is to judge", "[probe_text]") {
    auto a = failed(Phase::kReply, Reason::kTokenMissing);
    a.has_token = false;
    CHECK(says(probe_text(Kind::kTdengine, LinkPolicy::kAny, {a}), "probe_success 1"));
    a.has_token = true;  // it should be there
    CHECK(says(probe_text(Kind::kTdengine, LinkPolicy::kAny, {a}), "probe_success 0"));
    CHECK(says(probe_text(Kind::kTdengine, LinkPolicy::kAny, {failed(Phase::kConnect, Reason::kLocalFdLimit)}),
               "probe_success 0"));
}

TEST_CASE("probe text: a body that does not match is the regex of blackbox_exporter", "[probe_text]") {
    CHECK(says(probe_text(Kind::kHttps, LinkPolicy::kAny, {failed(Phase::kReply, Reason::kBodyMismatch)}),
               "probe_failed_due_to_regex 1"));
}

TEST_CASE("probe text: of TCP nothing is said that only HTTP has", "[probe_text]") {
    const std::string text = probe_text(Kind::kTcp, LinkPolicy::kAny, {good()});
    CHECK(text.find("probe_http") == std::string::npos);
    CHECK(text.find("probe_ssl") == std::string::npos);
    CHECK(says(text, "probe_success 1"));
    CHECK(says(text, "probe_failed_due_to_regex 0"));
}
