// SPDX-License-Identifier: Apache-2.0
#include "probe/spread.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace postern::probe {
namespace {

constexpr core::Micros kMaxMicros = (core::Micros{1} << 31) - 1;
constexpr int kBucketBits = 4;  // 16 buckets an octave
constexpr int kCodeBits = 11;

std::uint32_t clamped(core::Micros us) {
    return static_cast<std::uint32_t>(std::clamp<core::Micros>(us, 0, kMaxMicros));
}

/// A floating-point code: an exponent, and the `bits` bits after the leading one. Small values are their own code.
std::uint32_t to_float(std::uint32_t value, int bits) {
    const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - bits - 1);
    return (static_cast<std::uint32_t>(shift) << bits) + (value >> shift);
}

struct Range {
    core::Micros from, width;
};

Range of_float(std::uint32_t code, int bits) {
    const std::uint32_t exponent = code >> bits;
    if (exponent == 0) return {code, 1};
    const std::uint32_t mantissa = (code & ((1u << bits) - 1)) | (1u << bits);
    return {core::Micros{mantissa} << (exponent - 1), core::Micros{1} << (exponent - 1)};
}

}  // namespace

void TimeHistogram::add(core::Micros us, std::uint64_t count) {
    if (count == 0) return;
    const std::uint32_t value = clamped(us);
    const std::uint32_t index = to_float(value, kBucketBits);
    const auto at = std::lower_bound(buckets_.begin(), buckets_.end(), index,
                                     [](const Bucket& b, std::uint32_t i) { return b.index < i; });
    const auto n = static_cast<std::uint32_t>(std::min<std::uint64_t>(count, UINT32_MAX / 2));
    if (at != buckets_.end() && at->index == index) {
        at->count += n;
    } else {
        buckets_.insert(at, {index, n});
    }
    min_us_ = count_ == 0 ? value : std::min<core::Micros>(min_us_, value);
    max_us_ = std::max<core::Micros>(max_us_, value);
    count_ += n;
}

void TimeHistogram::add(const Spread& spread, std::uint64_t count) {
    if (count == 0) return;
    const auto up_to = [&](double share) {
        return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count))));
    };
    const std::uint64_t half = up_to(0.5), most = up_to(0.95), nearly = up_to(0.99);
    add(spread.p50_us, half);
    add(spread.p95_us, most - half);
    add(spread.p99_us, nearly - most);
    add(spread.max_us, count - nearly);
    min_us_ = std::min<core::Micros>(min_us_, clamped(spread.min_us));
    max_us_ = std::max<core::Micros>(max_us_, clamped(spread.max_us));
}

core::Micros TimeHistogram::percentile(double share) const {
    const auto rank =
        std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
    std::uint64_t seen = 0;
    for (const Bucket& b : buckets_) {
        seen += b.count;
        if (seen < rank) continue;
        const Range range = of_float(b.index, kBucketBits);
        return std::clamp(range.from + range.width / 2, min_us_, max_us_);
    }
    return max_us_;
}

std::optional<Spread> TimeHistogram::spread() const {
    if (count_ == 0) return std::nullopt;
    return Spread{min_us_, percentile(0.5), percentile(0.95), percentile(0.99), max_us_};
}

std::uint16_t time_code(core::Micros us) {
    return static_cast<std::uint16_t>(to_float(clamped(us), kCodeBits));
}

core::Micros time_of_code(std::uint16_t code) {
    // A damaged code may be too large: clamp it.
    return of_float(std::min(std::uint32_t{code}, to_float(clamped(kMaxMicros), kCodeBits)), kCodeBits).from;
}

}  // namespace postern::probe
