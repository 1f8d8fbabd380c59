// SPDX-License-Identifier: Apache-2.0
// Prometheus text format 0.0.4: families with HELP and TYPE, then their samples.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::agent {

class MetricsWriter {
  public:
    using Labels = std::vector<std::pair<std::string_view, std::string>>;

    void family(std::string_view name, std::string_view type, std::string_view help);
    template <class Number>
    void sample(const Labels& labels, Number value) {
        line("", labels, fmt::format("{}", value));
    }
    template <class Number>
    void single(std::string_view name, std::string_view type, std::string_view help, Number value) {
        family(name, type, help);
        sample({}, value);
    }
    /// `counts` has one entry more than `bounds_s`, for values above the last bound. Missing entries are zero.
    void histogram(const Labels& labels, const std::vector<double>& bounds_s, const std::vector<std::uint64_t>& counts,
                   double sum_s);
    std::string take() { return std::move(out_); }

  private:
    void line(std::string_view suffix, const Labels& labels, std::string_view value);

    std::string out_, name_;
};

inline constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace postern::agent
