// SPDX-License-Identifier: Apache-2.0
#include "probe/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/log.h"

namespace postern::probe {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, kTimedPhases> kPhaseKeys{"connect_us", "tls_us", "request_us", "ttfb_us",
                                                                "transfer_us"};
constexpr std::size_t kMaxLine = 64u << 10;

void put_text(std::string& out, std::string_view key, std::string_view value) {
    out += fmt::format(R"("{}":{},)", key, value.empty() ? "null" : core::json_quote(value));
}

template <class T>
void put_number(std::string& out, std::string_view key, const std::optional<T>& value) {
    out += value ? fmt::format(R"("{}":{},)", key, *value) : fmt::format(R"("{}":null,)", key);
}

void put_time(std::string& out, std::string_view key, core::Micros wall_us) {
    put_text(out, key, wall_us == 0 ? std::string{} : core::format_utc(wall_us));
}

void put_tls(std::string& out, const TlsFacts* tls) {
    static const TlsFacts kNothing;
    const TlsFacts& facts = tls != nullptr ? *tls : kNothing;
    const CertificateInfo& c = facts.certificate;
    put_text(out, "tls_version", facts.version);
    put_text(out, "tls_cipher", facts.cipher);
    put_time(out, "cert_chain_not_after", c.chain_not_after_us);
    put_time(out, "cert_not_before", c.not_before_us);
    put_text(out, "cert_subject", c.subject);
    put_text(out, "cert_issuer", c.issuer);
    std::string names;
    for (const std::string& name : c.names)
        names += (names.empty() ? "" : ",") + core::json_quote(name);
    out += c.present ? fmt::format(R"("cert_names":[{}],)", names) : R"("cert_names":null,)";
    put_text(out, "cert_fingerprint_sha256", c.fingerprint_sha256);
    put_text(out, "cert_serial", c.serial);
    put_text(out, "tls_group", facts.group);
    put_text(out, "large_hello", to_string(facts.large_hello));
}

std::string text_of(const Json& json, const char* key) {
    const auto it = json.find(key);
    return it != json.end() && it->is_string() ? it->get<std::string>() : std::string{};
}

core::Micros time_of(const Json& json, const char* key) {
    const std::string text = text_of(json, key);
    return text.empty() ? 0 : std::max<core::Micros>(0, core::parse_utc(text));
}

template <class T>
std::optional<T> number_of(const Json& json, const char* key) {
    const auto it = json.find(key);
    if (it == json.end() || !it->is_number_integer()) return std::nullopt;
    return it->get<T>();
}

/// nullptr for a record without them, such as those of older versions.
std::shared_ptr<const TlsFacts> parse_tls(const Json& json, core::Micros not_after_us) {
    TlsFacts facts;
    facts.version = text_of(json, "tls_version");
    facts.cipher = text_of(json, "tls_cipher");
    facts.group = text_of(json, "tls_group");
    facts.large_hello = parse_fate(text_of(json, "large_hello"));
    CertificateInfo& c = facts.certificate;
    const auto names = json.find("cert_names");
    if (names != json.end() && names->is_array()) {
        c.present = true;
        c.chain_not_after_us = time_of(json, "cert_chain_not_after");
        c.not_before_us = time_of(json, "cert_not_before");
        c.not_after_us = not_after_us;
        c.subject = text_of(json, "cert_subject");
        c.issuer = text_of(json, "cert_issuer");
        c.fingerprint_sha256 = text_of(json, "cert_fingerprint_sha256");
        c.serial = text_of(json, "cert_serial");
        for (const Json& name : *names) {
            if (name.is_string()) c.names.push_back(name.get<std::string>());
        }
    }
    return facts == TlsFacts{} ? nullptr : std::make_shared<const TlsFacts>(std::move(facts));
}

}  // namespace

Record make_record(const ProbeResult& result, const Fold& fold, std::uint64_t seq) {
    Record record;
    record.wall_us = result.started_wall_us;
    record.link = result.link;
    record.host = result.host;
    record.zone = result.zone;
    record.endpoint = result.endpoint;
    record.ip = result.ip;
    record.ok = result.ok;
    record.phase = result.phase;
    record.reason = result.reason;
    record.detail = result.detail;
    record.phase_us = result.phase_us;
    record.total_us = result.total_us;
    record.http_status = result.http_status;
    record.sql_code = result.sql_code;
    record.cert_not_after_us = result.certificate.not_after_us;
    record.path = fold.after.path;
    record.service = fold.after.service;
    record.state = fold.after.overall();
    record.prev_state = fold.before.overall();
    record.seq = seq;
    record.ws_us = result.ws_us;
    record.local_port = result.local_port;
    TlsFacts facts{result.tls_version, result.tls_cipher, result.tls_group, result.certificate, result.large_hello};
    if (facts != TlsFacts{}) record.tls = std::make_shared<const TlsFacts>(std::move(facts));
    return record;
}

std::string to_json(const Record& record) {
    std::string out = "{";
    out.reserve(1280);
    put_text(out, "ts", core::format_utc(record.wall_us));
    put_text(out, "link", record.link);
    put_text(out, "host", record.host);
    put_text(out, "ip", record.ip.text());
    put_text(out, "zone", record.zone);
    put_text(out, "endpoint", record.endpoint);
    out += record.ok ? R"("ok":true,)" : R"("ok":false,)";
    put_text(out, "phase", to_string(record.phase));
    put_text(out, "reason", to_string(record.reason));
    put_text(out, "detail", record.detail);
    for (std::size_t i = 0; i < kTimedPhases; ++i)
        put_number(out, kPhaseKeys[i], record.phase_us[i]);
    out += fmt::format(R"("total_us":{},)", record.total_us);
    put_number(out, "http_status", record.http_status);
    put_number(out, "sql_code", record.sql_code);
    put_time(out, "cert_not_after", record.cert_not_after_us);
    put_text(out, "path", to_string(record.path));
    put_text(out, "service", to_string(record.service));
    put_text(out, "state", to_string(record.state));
    put_text(out, "prev_state", to_string(record.prev_state));
    out += fmt::format(R"("seq":{},)", record.seq);
    put_number(out, "ws_us", record.ws_us);
    put_number(out, "local_port", record.local_port == 0 ? std::nullopt : std::optional(record.local_port));
    put_tls(out, record.tls.get());
    out.back() = '}';
    return out;
}

core::Result<Record> parse_record(std::string_view line) {
    const auto bad = [](std::string what) { return core::fail(core::Code::kFileCorrupt, std::move(what)); };
    if (line.size() > kMaxLine) return bad("the line is too long for a probe record");
    const Json json = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) return bad("not a JSON object");
    Record record;
    record.wall_us = core::parse_utc(text_of(json, "ts"));
    const auto ip = core::IpAddress::parse(text_of(json, "ip"));
    record.link = text_of(json, "link");
    if (record.wall_us < 0 || !ip || record.link.empty()) return bad("a probe record has ts, link and ip");
    record.ip = *ip;
    record.host = text_of(json, "host");
    record.zone = text_of(json, "zone");
    record.endpoint = text_of(json, "endpoint");
    const auto ok = json.find("ok");
    record.ok = ok != json.end() && ok->is_boolean() && ok->get<bool>();
    record.phase = parse_phase(text_of(json, "phase")).value_or(Phase::kCount);
    record.reason = parse_reason(text_of(json, "reason")).value_or(Reason::kNone);
    record.detail = text_of(json, "detail");
    for (std::size_t i = 0; i < kTimedPhases; ++i) {
        record.phase_us[i] = number_of<core::Micros>(json, kPhaseKeys[i].data());
    }
    record.total_us = number_of<core::Micros>(json, "total_us").value_or(0);
    record.http_status = number_of<int>(json, "http_status");
    record.sql_code = number_of<std::int64_t>(json, "sql_code");
    record.cert_not_after_us = time_of(json, "cert_not_after");
    record.path = parse_state(text_of(json, "path")).value_or(State::kUnknown);
    record.service = parse_state(text_of(json, "service")).value_or(State::kUnknown);
    record.state = parse_state(text_of(json, "state")).value_or(State::kUnknown);
    record.prev_state = parse_state(text_of(json, "prev_state")).value_or(State::kUnknown);
    record.seq = number_of<std::uint64_t>(json, "seq").value_or(0);
    record.ws_us = number_of<core::Micros>(json, "ws_us");
    record.local_port = number_of<std::uint16_t>(json, "local_port").value_or(0);
    record.tls = parse_tls(json, record.cert_not_after_us);
    return record;
}

bool RecordFilter::matches(const Record& record) const {
    return (link.empty() || record.link == link) && (!ip || record.ip == *ip) && (!state || record.state == *state) &&
           (!reason || record.reason == *reason) && record.wall_us >= since_wall_us && record.wall_us <= until_wall_us;
}

}  // namespace postern::probe
