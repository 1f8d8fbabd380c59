// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/archive.h"

#include <fmt/format.h>

#include "agent/text/deflate.h"

namespace postern::agent::doctor {

namespace {

constexpr std::size_t kBlock = 512;

/// POSIX.1-1988: fixed fields, numbers in octal, a checksum over the header with blanks in its place.
std::string header_of(const ArchiveFile& file, core::Micros wall_us) {
    std::string header(kBlock, '\0');
    const auto put = [&header](std::size_t at, std::string_view text) { header.replace(at, text.size(), text); };
    put(0, std::string_view(file.name).substr(0, 100));
    put(100, "0000600");
    put(108, "0000000");
    put(116, "0000000");
    put(124, fmt::format("{:011o}", file.content.size()));
    put(136, fmt::format("{:011o}", wall_us / core::kSecond));
    put(148, "        ");
    put(156, "0");
    put(257, "ustar");
    put(263, "00");
    unsigned sum = 0;
    for (const char c : header)
        sum += static_cast<unsigned char>(c);
    put(148, fmt::format("{:06o}", sum));
    header[154] = '\0';
    return header;
}

}  // namespace

std::string tar_gz(const std::vector<ArchiveFile>& files, core::Micros wall_us) {
    std::string tar;
    for (const ArchiveFile& file : files) {
        tar += header_of(file, wall_us);
        tar += file.content;
        tar.resize((tar.size() + kBlock - 1) / kBlock * kBlock);
    }
    tar.resize(tar.size() + 2 * kBlock);  // two empty blocks are the end
    return gzipped(tar, 9);
}

}  // namespace postern::agent::doctor
