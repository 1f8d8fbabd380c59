// SPDX-License-Identifier: Apache-2.0
#include "agent/status/histogram.h"

#include <algorithm>

namespace postern::agent {

void Histogram::add(const Histogram& other) {
    buckets.resize(std::max(buckets.size(), other.buckets.size()));
    for (std::size_t i = 0; i < other.buckets.size(); ++i)
        buckets[i] += other.buckets[i];
    sum_s += other.sum_s;
}

const std::vector<double>& probe_bounds_s() {
    static const std::vector<double> kBounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                             0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};
    return kBounds;
}

}  // namespace postern::agent
