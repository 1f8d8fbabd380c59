// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/connection_metrics.h"

#include <optional>

#include "agent/serving/metric_rows.h"

namespace postern::agent {

namespace {

using Labels = MetricsWriter::Labels;

/// By address, or by link if there are many.
void connection_histograms(MetricsWriter& w, const StatusSnapshot& s) {
    const std::size_t addresses = count_addresses(s);
    std::vector<std::pair<Labels, ConnectionHistograms>> rows;
    for (const auto& link : s.links) {
        if (addresses > kMaxCountedAddresses) rows.push_back({{{"link", link.name}}, {}});
        for (const auto& a : link.addresses) {
            if (!a.connections) continue;
            if (addresses <= kMaxCountedAddresses) rows.push_back({{{"link", link.name}, {"ip", a.ip.text()}}, {}});
            rows.back().second.add(a.connections->histograms);
        }
    }
    w.family("postern_app_rtt_seconds", "histogram",
             "Smoothed round-trip time of applications' connections; a sample for each at each look.");
    for (const auto& [labels, h] : rows) {
        w.histogram(labels, seconds(kRttBoundsUs), {h.rtt.begin(), h.rtt.end()},
                    static_cast<double>(h.rtt_sum_us) / 1e6);
    }
    w.family("postern_app_timeouts", "histogram",
             "Retransmission timeouts in a row of applications' connections; a sample for each at each look.");
    for (const auto& [labels, h] : rows) {
        w.histogram(labels, {kTimeoutBounds.begin(), kTimeoutBounds.end()}, {h.timeouts.begin(), h.timeouts.end()},
                    static_cast<double>(h.timeouts_sum));
    }
}

}  // namespace

void connection_metrics(MetricsWriter& w, const StatusSnapshot& s) {
    w.single("postern_app_looks_total", "counter", "Times that the kernel's list of connections was read.",
             s.connections.looks);
    w.single("postern_app_look_cpu_seconds_total", "counter", "CPU time of reading it.",
             static_cast<double>(s.connections.cpu_sum_us) / 1e6);
    w.single("postern_app_connections_known", "gauge",
             "1 if the last look was complete, 0 if it failed, was cut short or there was none yet.",
             s.connections.known() && s.connections.complete ? 1 : 0);
    w.family("postern_app_connections_freed_total", "counter",
             "Stuck or idle connections to an address out of the answer that were ended.");
    per_address(w, s, [](const LinkStatus&, const AddressStatus& a) { return std::optional(a.connections_freed); });
    if (!s.connections.known()) return;
    const auto each = [&s](auto sample) {
        for (const auto& link : s.links) {
            for (const auto& a : link.addresses) {
                if (a.connections) sample(Labels{{"link", link.name}, {"ip", a.ip.text()}}, *a.connections);
            }
        }
    };
    w.family("postern_app_connections", "gauge", "Connections of applications to an address, by TCP state.");
    each([&w](const Labels& labels, const TargetConnections& seen) {
        for (std::size_t i = 0; i < kTcpStates; ++i)
            w.sample(with(labels, "state", to_string(static_cast<TcpState>(i))), seen.all.states[i]);
    });
    w.family("postern_app_connections_stuck", "gauge",
             "Those that have data on the way, three timeouts behind them and no acknowledgement for 5 s.");
    each([&w](const Labels& labels, const TargetConnections& seen) { w.sample(labels, seen.all.stuck); });
    w.family("postern_app_unacked_bytes", "gauge", "Bytes that applications sent and that are not acknowledged.");
    each([&w](const Labels& labels, const TargetConnections& seen) { w.sample(labels, seen.all.unacked_bytes); });
    w.family("postern_app_connections_without_keepalive", "gauge",
             "Idle connections for which the kernel would never notice that the peer is gone.");
    each([&w](const Labels& labels, const TargetConnections& seen) { w.sample(labels, seen.all.without_keepalive); });
    w.family("postern_app_bypass_connections", "gauge",
             "Connections of applications to the public gateway that a link is compared with.");
    for (const auto& link : s.links) {
        if (!link.connections || !link.compare) continue;
        std::uint64_t total = 0;
        for (const auto& seen : link.connections->bypass)
            total += seen.all.total();
        w.sample({{"link", link.name}}, total);
    }
    connection_histograms(w, s);
}

}  // namespace postern::agent
