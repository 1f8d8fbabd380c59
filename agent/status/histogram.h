// Times that are counted in buckets, and the bounds of the buckets. Values only.
#pragma once

#include <cstdint>
#include <vector>

namespace postern::agent {

/// Seconds; the buckets are counts of their own, made cumulative when printed.
struct Histogram {
    std::vector<std::uint64_t> buckets;
    double sum_s = 0;

    void add(const Histogram& other);
};

/// Upper bounds in seconds of the phase histograms.
const std::vector<double>& probe_bounds_s();

}  // namespace postern::agent
