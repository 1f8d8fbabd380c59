// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/path_look.h"

#include <fmt/format.h>

#include "agent/text/json_view.h"
#include "core/file_system.h"
#include "core/log.h"

namespace postern::agent {
namespace {

constexpr std::size_t kMaxFileBytes = 4096;

struct Word {
    PathState state;
    std::string_view text;
};
constexpr Word kStates[] = {
    {PathState::kUnknown, "unknown"}, {PathState::kWorks, "works"}, {PathState::kFails, "fails"}};

}  // namespace

std::string_view to_string(PathState state) {
    return kStates[static_cast<std::size_t>(state)].text;
}

core::Message PathLook::problem() const {
    return core::message("programs of this host can't look up {}", name);
}

core::Result<void> save_path_look(const std::string& path, const PathLook& look) {
    const std::string text =
        fmt::format("{{\"schema_version\":1,\"state\":\"{}\",\"name\":{},\"at\":\"{}\"}}\n", to_string(look.state),
                    core::json_quote(look.name), core::format_utc(look.wall_us));
    return core::write_file(path, core::as_bytes(text), 0644, false);
}

PathLook load_path_look(const std::string& path, core::Micros now_wall_us) {
    const auto text = core::read_file(path, kMaxFileBytes);
    if (!text) return {};
    const auto v = JsonView::parse(*text, kMaxFileBytes);
    if (!v) return {};
    PathLook look;
    for (const auto& word : kStates) {
        if (v->at("state").text() == word.text) look.state = word.state;
    }
    look.name = v->at("name").text();
    look.wall_us = core::parse_utc(v->at("at").text());
    const bool fresh = look.wall_us <= now_wall_us + kPathLookLasts && now_wall_us - look.wall_us <= kPathLookLasts;
    return fresh ? look : PathLook{};
}

}  // namespace postern::agent
