// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/probe_text.h"

#include <algorithm>
#include <optional>

#include "agent/text/metrics_writer.h"

namespace postern::agent {

namespace {

using probe::Phase;
using probe::ProbeResult;
using probe::Reason;
using probe::State;

double seconds(core::Micros us) {
    return static_cast<double>(us) / 1e6;
}

bool passed(const ProbedAddress& a) {
    // Without a token, the gateway's request for one is the last reachable step: only the path is judged.
    return a.result.ok || (!a.has_token && a.result.reason == Reason::kTokenMissing);
}

State state_of(const ProbedAddress& a) {
    if (passed(a)) return State::kUp;
    return probe::is_local(a.result.reason) ? State::kUnknown : State::kDown;
}

/// FNV-1a, as in blackbox_exporter: shows a change of the address without a label.
std::uint32_t hash_of(const core::IpAddress& ip) {
    std::uint32_t h = 0x811c9dc5u;
    for (std::size_t i = 0; i < ip.size(); ++i)
        h = (h ^ ip.data()[i]) * 0x01000193u;
    return h;
}

double phase_s(const ProbeResult& r, Phase phase) {
    return seconds(r.phase_us[static_cast<std::size_t>(phase)].value_or(0));
}

/// A certificate that was received and verified.
bool trusted(const ProbeResult& r) {
    return r.certificate.present && (r.ok || r.phase > Phase::kTls);
}

/// "TLS 1.3", in Go's notation.
std::string version_text(const std::string& version) {
    return version.starts_with("TLSv") ? "TLS " + version.substr(4) : version;
}

std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const auto& name : names)
        out += (out.empty() ? "" : ",") + name;
    return out;
}

void http_metrics(MetricsWriter& w, const ProbeResult& r) {
    w.family("probe_http_duration_seconds", "gauge", "Duration of http request by phase, summed over all redirects");
    w.sample({{"phase", "resolve"}}, 0);
    w.sample({{"phase", "connect"}}, phase_s(r, Phase::kConnect));
    w.sample({{"phase", "tls"}}, phase_s(r, Phase::kTls));
    w.sample({{"phase", "processing"}}, phase_s(r, Phase::kRequest) + phase_s(r, Phase::kTtfb));
    w.sample({{"phase", "transfer"}}, phase_s(r, Phase::kTransfer));
    w.single("probe_http_status_code", "gauge", "Response HTTP status code", r.http_status.value_or(0));
    w.single("probe_http_version", "gauge", "Returns the version of HTTP of the probe response",
             !r.http_status ? 0.0
             : r.http_1_0   ? 1.0
                            : 1.1);
    w.single("probe_http_ssl", "gauge", "Indicates if SSL was used for the final redirect", trusted(r) ? 1 : 0);
    w.single("probe_http_redirects", "gauge", "The number of redirects", r.redirects);
    w.single("probe_http_content_length", "gauge", "Length of http content response", r.content_length.value_or(-1));
    w.single("probe_http_uncompressed_body_length", "gauge", "Length of uncompressed response body", r.body_bytes);
    w.single("probe_failed_due_to_regex", "gauge", "Indicates if probe failed due to regex",
             r.reason == Reason::kBodyMismatch ? 1 : 0);
}

void tls_metrics(MetricsWriter& w, const ProbeResult& r, const std::vector<ProbedAddress>& addresses) {
    core::Micros earliest = core::kNever;
    for (const auto& a : addresses) {
        const auto& c = a.result.certificate;
        if (c.present) earliest = std::min(earliest, c.chain_not_after_us > 0 ? c.chain_not_after_us : c.not_after_us);
    }
    if (earliest != core::kNever) {
        w.single("probe_ssl_earliest_cert_expiry", "gauge", "Returns last SSL chain expiry in unixtime",
                 seconds(earliest));
    }
    if (!trusted(r)) return;
    const auto& c = r.certificate;
    w.single("probe_ssl_last_chain_expiry_timestamp_seconds", "gauge", "Returns last SSL chain expiry in timestamp",
             seconds(c.chain_not_after_us > 0 ? c.chain_not_after_us : c.not_after_us));
    w.family("probe_ssl_last_chain_info", "gauge", "Contains SSL leaf certificate information");
    w.sample({{"fingerprint_sha256", c.fingerprint_sha256},
              {"subject", c.subject},
              {"issuer", c.issuer},
              {"subjectalternative", joined(c.names)},
              {"serialnumber", c.serial}},
             1);
    w.family("probe_tls_version_info", "gauge", "Returns the TLS version used or NaN when unknown");
    w.sample({{"version", version_text(r.tls_version)}}, 1);
    w.family("probe_tls_cipher_info", "gauge", "Returns the TLS cipher negotiated during handshake");
    w.sample({{"cipher", r.tls_cipher}}, 1);
    if (r.tls_group.empty()) return;
    w.family("probe_tls_group_info", "gauge", "Returns the TLS group negotiated during handshake");
    w.sample({{"group", r.tls_group}}, 1);
}

void own_metrics(MetricsWriter& w, const std::vector<ProbedAddress>& addresses) {
    w.family("postern_probe_address_success", "gauge", "Whether the probe of an address was a success.");
    for (const auto& a : addresses)
        w.sample({{"ip", a.result.ip.text()}, {"zone", a.result.zone}}, passed(a) ? 1 : 0);
    w.family("postern_probe_failure_info", "gauge", "Where and why the probe of an address failed.");
    for (const auto& a : addresses) {
        if (passed(a)) continue;
        w.sample({{"ip", a.result.ip.text()},
                  {"zone", a.result.zone},
                  {"phase", std::string(probe::to_string(a.result.phase))},
                  {"reason", std::string(probe::to_string(a.result.reason))}},
                 1);
    }
}

}  // namespace

std::string probe_text(probe::Kind kind, probe::LinkPolicy policy, const std::vector<ProbedAddress>& addresses) {
    std::vector<State> states;
    for (const auto& a : addresses)
        states.push_back(state_of(a));
    const State state = probe::link_state(states, policy);
    const auto good = std::find_if(addresses.begin(), addresses.end(), passed);
    const ProbedAddress* shown = good != addresses.end() ? &*good : addresses.empty() ? nullptr : &addresses.front();

    MetricsWriter w;
    w.single("probe_dns_lookup_time_seconds", "gauge", "Returns the time taken for probe dns lookup in seconds", 0);
    w.single("probe_duration_seconds", "gauge", "Returns how long the probe took to complete in seconds",
             shown != nullptr ? seconds(shown->result.total_us) : 0.0);
    w.single("probe_success", "gauge", "Displays whether or not the probe was a success",
             state == State::kUp || state == State::kDegraded ? 1 : 0);
    if (shown == nullptr) return w.take();
    const ProbeResult& r = shown->result;
    w.single("probe_ip_protocol", "gauge", "Specifies whether probe ip protocol is IP4 or IP6", r.ip.is_v6() ? 6 : 4);
    w.single("probe_ip_addr_hash", "gauge",
             "Specifies the hash of IP address. It's useful to detect if the IP address changes.", hash_of(r.ip));
    if (kind == probe::Kind::kTcp) {
        w.single("probe_failed_due_to_regex", "gauge", "Indicates if probe failed due to regex", 0);
    } else {
        http_metrics(w, r);
        tls_metrics(w, r, addresses);
    }
    own_metrics(w, addresses);
    return w.take();
}

}  // namespace postern::agent
