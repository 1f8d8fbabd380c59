// SPDX-License-Identifier: Apache-2.0
#include "agent/text/metrics_writer.h"

#include <iterator>

#include "core/printable.h"

namespace postern::agent {

namespace {

std::string escape(std::string_view value) {
    std::string out;
    for (const char c : core::printable_lines(value)) {
        if (c == '\\' || c == '"' || c == '\n') out += '\\';
        out += c == '\n' ? 'n' : c;
    }
    return out;
}

}  // namespace

void MetricsWriter::family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(std::back_inserter(out_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void MetricsWriter::histogram(const Labels& labels, const std::vector<double>& bounds_s,
                              const std::vector<std::uint64_t>& counts, double sum_s) {
    std::uint64_t total = 0;
    Labels with_le = labels;
    with_le.emplace_back("le", "");
    for (std::size_t i = 0; i <= bounds_s.size(); ++i) {
        total += i < counts.size() ? counts[i] : 0;
        with_le.back().second = i < bounds_s.size() ? fmt::format("{:g}", bounds_s[i]) : "+Inf";
        line("_bucket", with_le, fmt::format("{}", total));
    }
    line("_sum", labels, fmt::format("{}", sum_s));
    line("_count", labels, fmt::format("{}", total));
}

void MetricsWriter::line(std::string_view suffix, const Labels& labels, std::string_view value) {
    out_ += name_;
    out_ += suffix;
    char open = '{';
    for (const auto& [key, text] : labels) {
        fmt::format_to(std::back_inserter(out_), "{}{}=\"{}\"", open, key, escape(text));
        open = ',';
    }
    if (open == ',') out_ += '}';
    fmt::format_to(std::back_inserter(out_), " {}\n", value);
}

}  // namespace postern::agent
