// SPDX-License-Identifier: Apache-2.0
// One JSON document; its first line has the version and the checksum of what follows:
//     {"postern_drains":1,"crc64":"…","drains":
//     [ … ]}
#include "agent/steering/drain_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

#include "agent/text/json_view.h"
#include "core/bytes.h"
#include "core/file_system.h"
#include "core/log.h"

namespace postern::agent {
namespace {

constexpr std::size_t kMaxBytes = 64u << 10;
constexpr int kMaxDepth = 4;
constexpr std::string_view kEnd = "}\n";
constexpr std::string_view kMark = "{\"postern_drains\":";

std::string head_of(std::string_view body) {
    return fmt::format("{}{},\"crc64\":\"{:016x}\",\"drains\":\n", kMark, kDrainsVersion,
                       core::crc64(core::as_bytes(body)));
}

tl::unexpected<core::Error> bad(const core::Message& what) {
    return core::fail(core::Code::kFileCorrupt, core::message("the saved drains can't be used: {}", what));
}

/// nullopt: not of the form that format_drains() writes.
std::optional<Drain> read_drain(const JsonView& item) {
    const auto target = DrainTarget::parse(item.at("target").text());
    const Drain drain{target.value_or(DrainTarget{}), core::parse_utc(item.at("began").text()),
                      core::parse_utc(item.at("until").text()), item.at("reason").text(),
                      item.at("free").boolean().value_or(false)};
    const bool fine = target && drain.began_wall_us >= 0 && drain.until_wall_us >= drain.began_wall_us &&
                      check_drain(drain.until_wall_us - drain.began_wall_us, drain.reason).empty();
    return fine ? std::optional(drain) : std::nullopt;
}

}  // namespace

std::string format_drains(const std::vector<Drain>& drains) {
    std::string body = "[";
    for (const Drain& drain : drains) {
        body += fmt::format("{}{{\"target\":{},\"began\":\"{}\",\"until\":\"{}\",\"reason\":{},\"free\":{}}}",
                            body.size() == 1 ? "\n" : ",\n", core::json_quote(drain.target.text()),
                            core::format_utc(drain.began_wall_us), core::format_utc(drain.until_wall_us),
                            core::json_quote(drain.reason), drain.free);
    }
    body += "\n]";
    return head_of(body) + body + std::string(kEnd);
}

core::Result<std::vector<Drain>> parse_drains(std::string_view text) {
    if (text.size() > kMaxBytes) return bad("too large");
    if (!text.starts_with(kMark)) return bad("not a file of postern's");
    const auto head_end = text.find('\n');
    if (!text.starts_with(fmt::format("{}{},", kMark, kDrainsVersion))) return bad("written by another version");
    if (head_end == std::string_view::npos || !text.ends_with(kEnd)) return bad("cut off");
    std::string_view body = text.substr(head_end + 1);
    body.remove_suffix(std::min(body.size(), kEnd.size()));
    if (text.substr(0, head_end + 1) != head_of(body)) return bad("the checksum is wrong");
    const auto list = JsonView::parse(body, kMaxBytes, kMaxDepth);
    if (!list || !list->is_array()) return bad("no list");
    std::vector<Drain> out;
    for (const JsonView& item : list->items()) {
        auto drain = read_drain(item);
        if (!drain || out.size() == kMaxDrains) return bad("a field has the wrong form");
        out.push_back(std::move(*drain));
    }
    return out;
}

DrainFile::DrainFile(core::Loop& loop, std::string path)
    : file_(loop, std::move(path), StateFile::Durable::kYes, [this](const core::Result<void>& r) { written(r); }) {}

std::vector<Drain> DrainFile::load() {
    const auto text = core::read_file(file_.path(), kMaxBytes);
    if (!text && text.error().code == core::Code::kFileMissing) return {};
    auto drains = text ? parse_drains(*text) : core::fail(text.error());
    if (drains) return std::move(*drains);
    problem_ = core::message("{}; nothing is drained", drains.error().whole());
    const std::string aside = file_.path() + ".unusable";
    if (std::rename(file_.path().c_str(), aside.c_str()) == 0)
        problem_ = core::message("{}, and the file is kept as {}", problem_, aside);
    core::log_warning("drains_unusable", problem_, {{"path", file_.path()}});
    return {};
}

void DrainFile::written(const core::Result<void>& result) {
    core::Message now =
        result ? core::Message() : core::message("drains do not outlive the agent: {}", result.error().whole());
    if (!result && now != problem_) core::log_warning("drains_write_failed", now, {{"path", file_.path()}});
    if (result && write_failed_) {
        core::log_info("drains_write_recovered", "drains are saved again", {{"path", file_.path()}});
    }
    write_failed_ = !result;
    problem_ = std::move(now);
}

}  // namespace postern::agent
