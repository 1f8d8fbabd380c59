// SPDX-License-Identifier: Apache-2.0
#include "agent/k8s/manifests.h"

#include <algorithm>

#include "agent/k8s/manifest_texts.h"
#include "core/text.h"

namespace postern::agent::k8s {
namespace {

constexpr std::string_view kIndent = "    ", kFile = "  postern.toml: |", kExample = "    [aliyun]";

/// Takes the first line, without its end, off `text`.
std::string_view next_line(std::string_view& text) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

/// "dns" of "[dns]" and of "[ dns.cache ]", "" of anything else.
std::string_view table_of(std::string_view line) {
    line = core::trimmed(line);
    if (!line.starts_with('[')) return {};
    line.remove_prefix(line.starts_with("[[") ? 2 : 1);
    return core::trimmed(line.substr(0, line.find_first_of(".]")));
}

/// Whether a line ends the block of text above it.
bool ends_block(std::string_view line) {
    return !line.empty() && !line.starts_with(kIndent);
}

std::string indented(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::string_view line = next_line(text);
        if (!line.empty()) out += std::string(kIndent) + std::string(line);
        out += "\n";
    }
    return out;
}

}  // namespace

PodConfig pod_config(std::string_view file) {
    PodConfig out;
    bool kept = true;
    while (!file.empty()) {
        const std::string_view line = next_line(file);
        if (const auto table = table_of(line); !table.empty()) {
            kept = table != "agent" && table != "dns" && table != "http";
            if (!kept && std::find(out.left_out.begin(), out.left_out.end(), table) == out.left_out.end())
                out.left_out.emplace_back(table);
        }
        if (kept) out.text += std::string(line) + "\n";
    }
    return out;
}

std::string manifests(Objects objects, std::string_view links) {
    std::string_view rest = objects == Objects::kNodes ? kNodeObjects : kPublisherObjects;
    const std::string own = indented(links);
    std::string out;
    bool in_file = false, replaced = false;
    while (!rest.empty()) {
        const std::string_view line = next_line(rest);
        if (line == kFile) {
            in_file = true;
            replaced = false;
        } else if (in_file && ends_block(line)) {
            in_file = false;
        } else if (in_file && line == kExample) {
            out += own;
            replaced = true;
        }
        if (!in_file || !replaced) out += std::string(line) + "\n";
    }
    return out;
}

std::vector<std::string> configs_of(std::string_view manifests) {
    std::vector<std::string> out;
    bool in_file = false;
    while (!manifests.empty()) {
        const std::string_view line = next_line(manifests);
        if (in_file && ends_block(line)) in_file = false;
        if (in_file) out.back() += std::string(line.empty() ? line : line.substr(kIndent.size())) + "\n";
        if (line == kFile) {
            in_file = true;
            out.emplace_back();
        }
    }
    return out;
}

}  // namespace postern::agent::k8s
