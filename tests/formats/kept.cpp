// SPDX-License-Identifier: Apache-2.0
#include "tests/formats/kept.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "core/file_system.h"
#include "tests/unit/catch.h"

namespace postern::test {
namespace {

constexpr std::size_t kMaxBytes = 4u << 20;

/// Where the number stands: little-endian at an offset of a binary file, in digits behind a word of a text.
struct Place {
    std::size_t offset = 0;
    std::string_view behind;
};

Place version_place(const std::string& name) {
    if (name == "plan" || name == "history" || name == "stats") return {.offset = 8};
    if (name == "snapshot.json") return {.behind = "{\"postern_snapshot\":"};
    if (name == "verdicts.json") return {.behind = "{\"postern_verdicts\":"};
    if (name == "hostdns.json") return {.behind = "{\"schema_version\":"};
    return {};
}

std::uint64_t crc_of(std::string_view text) {
    return core::crc64(core::as_bytes(text));
}

}  // namespace

std::vector<std::string> released_versions() {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(POSTERN_FORMATS)) {
        if (entry.is_directory()) out.push_back(entry.path().filename().string());
    }
    std::sort(out.begin(), out.end());
    return out;
}

std::string kept(const std::string& version, const std::string& name) {
    return core::read_file(std::string(POSTERN_FORMATS) + "/" + version + "/" + name, kMaxBytes).value_or("");
}

std::string copy_of(const std::string& version, const std::string& name, const std::string& folder) {
    const std::string path = folder + "/" + name, content = kept(version, name);
    REQUIRE(core::write_file(path, core::as_bytes(content), 0600, false));
    return path;
}

std::int64_t version_in(const std::string& name, std::string_view content) {
    const Place place = version_place(name);
    if (place.offset != 0 && content.size() >= place.offset + 4)
        return core::load_le<std::uint32_t>(core::as_bytes(content).data() + place.offset);
    const auto at = place.behind.empty() ? content.npos : content.find(place.behind);
    std::int64_t version = -1;
    if (at != content.npos)
        std::from_chars(content.data() + at + place.behind.size(), content.data() + content.size(), version);
    return version;
}

std::string newer(const std::string& name, std::string content) {
    const std::int64_t version = version_in(name, content);
    REQUIRE(version > 0);
    const Place place = version_place(name);
    const auto bytes = [&content] { return reinterpret_cast<std::uint8_t*>(content.data()); };
    if (place.offset == 0) {
        const auto old = fmt::format("{}{}", place.behind, version);
        content.replace(content.find(old), old.size(), fmt::format("{}{}", place.behind, version + 1));
    } else {
        core::store_le(bytes() + place.offset, static_cast<std::uint32_t>(version + 1));
    }
    if (name == "plan") {
        const auto file = core::as_bytes(content);
        core::store_le(bytes() + 24, core::crc64(file.subspan(32), core::crc64(file.first(24))));
    } else if (name == "history") {
        core::store_le(bytes() + 16, crc_of(content.substr(0, 16)));
    } else if (name == "hostdns.json") {
        const auto start = content.find('\n') + 1;
        const auto body = content.substr(start, content.size() - start - 3);
        content = fmt::format("{{\"crc64\":\"{:016x}\",\"hostdns\":\n{}\n}}\n", crc_of(body), body);
    }
    return content;
}

}  // namespace postern::test
