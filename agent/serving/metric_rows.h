// SPDX-License-Identifier: Apache-2.0
// Rows that several families of /metrics have in common. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/status/status.h"
#include "agent/text/metrics_writer.h"

namespace postern::agent {

/// From this many addresses on, probes and connections are counted by link: a scrape stays below half a megabyte.
inline constexpr std::size_t kMaxCountedAddresses = 32;

inline std::size_t count_addresses(const StatusSnapshot& s) {
    std::size_t addresses = 0;
    for (const auto& link : s.links)
        addresses += link.addresses.size();
    return addresses;
}

/// A histogram's bounds, from microseconds.
template <class Array>
std::vector<double> seconds(const Array& bounds_us) {
    std::vector<double> out;
    for (const auto us : bounds_us)
        out.push_back(static_cast<double>(us) / 1e6);
    return out;
}

inline double timestamp(Micros wall_us) {
    return static_cast<double>(wall_us) / 1e6;
}

inline MetricsWriter::Labels with(MetricsWriter::Labels labels, std::string_view name, std::string_view value) {
    labels.emplace_back(name, std::string(value));
    return labels;
}

/// One sample per address for a family with the labels link, ip, zone.
template <class Value>
void per_address(MetricsWriter& w, const StatusSnapshot& s, Value value) {
    for (const auto& link : s.links) {
        for (const auto& a : link.addresses) {
            if (const auto v = value(link, a))
                w.sample({{"link", link.name}, {"ip", a.ip.text()}, {"zone", a.zone}}, *v);
        }
    }
}

}  // namespace postern::agent
