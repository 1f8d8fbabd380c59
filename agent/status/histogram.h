// SPDX-License-Identifier: Apache-2.0
// Bucketed times, and the bucket bounds. Values only.
#pragma once

#include <cstdint>
#include <vector>

namespace postern::agent {

/// Seconds; bucket counts are per bucket, made cumulative when printed.
struct Histogram {
    std::vector<std::uint64_t> buckets;
    double sum_s = 0;

    void add(const Histogram& other);
};

/// Upper bounds in seconds of the phase histograms.
const std::vector<double>& probe_bounds_s();

}  // namespace postern::agent
