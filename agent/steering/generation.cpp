// SPDX-License-Identifier: Apache-2.0
#include "agent/steering/generation.h"

#include <algorithm>
#include <charconv>

#include "core/file_system.h"

namespace postern::agent {

Generation::Generation(const std::string& path, std::uint64_t highest_seen, core::Message* problem) {
    std::uint64_t starts = 0;
    if (const auto text = core::read_file(path, 64)) std::from_chars(text->data(), text->data() + text->size(), starts);
    if (starts >= UINT32_MAX) starts = 0;  // no counter of ours: the next start has to fit, too
    starts = std::max(starts, highest_seen >> 32) + 1;
    const std::string text = std::to_string(starts) + '\n';
    const auto written = core::write_file(path, core::as_bytes(text), 0640, true);
    if (!written) *problem = written.error().whole();
    current_ = starts << 32;
}

}  // namespace postern::agent
