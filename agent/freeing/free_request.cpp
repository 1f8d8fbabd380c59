// SPDX-License-Identifier: Apache-2.0
#include "agent/freeing/free_request.h"

#include <array>
#include <charconv>

namespace postern::agent {

namespace {

struct Row {
    std::string_view token;
    const char* explanation;
};
/// In the order of FreeRefusal.
constexpr std::array<Row, static_cast<std::size_t>(FreeRefusal::kCount)> kRows{{
    {"none", ""},
    {"malformed", "postern-free is of another version: restart postern-free.service"},
    {"no_plan", "postern-free can't read the agent's plan: postern plan show says why"},
    {"not_managed", "the plan has no such address"},
    {"not_asked", "neither free_stuck nor a drain with --free asks for it"},
    {"answered", "DNS still answers the address"},
    {"alone", "no other address of the link is answered"},
    {"outdated", "the verdict is too old to act on: is the agent running?"},
    {"no_right", "ending connections needs CAP_NET_ADMIN: run it as root"},
    {"unsupported", "this kernel can't end connections: it is built without CONFIG_INET_DIAG_DESTROY"},
    {"failed", "the kernel did not end a connection: see the log of postern-free.service"},
    {"unreachable", "postern-free does not answer: systemctl enable --now postern-free.socket"},
}};

constexpr std::string_view kFreed = "freed ", kLeft = " left ";

/// Takes what is expected off the front of the line.
bool skip(std::string_view& line, std::string_view expected) {
    if (!line.starts_with(expected)) return false;
    line.remove_prefix(expected.size());
    return true;
}

bool take_number(std::string_view& line, std::uint32_t& out) {
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), out);
    if (error != std::errc{}) return false;
    line.remove_prefix(static_cast<std::size_t>(end - line.data()));
    return true;
}

}  // namespace

std::string_view to_string(FreeRefusal refusal) {
    return kRows[static_cast<std::size_t>(refusal)].token;
}

const char* explain(FreeRefusal refusal) {
    return kRows[static_cast<std::size_t>(refusal)].explanation;
}

std::string FreeRequest::line() const {
    return address.text() + "\n";
}

std::optional<FreeRequest> FreeRequest::parse(std::string_view line) {
    if (line.size() > kMaxFreeLine || !line.ends_with('\n')) return std::nullopt;
    line.remove_suffix(1);
    const auto address = core::SocketAddress::parse(line, 0);
    if (!address || address->port == 0 || address->text() != line) return std::nullopt;
    return FreeRequest{*address};
}

std::string FreeReply::line() const {
    std::string out = std::string(kFreed) + std::to_string(freed) + std::string(kLeft) + std::to_string(left);
    if (refusal != FreeRefusal::kNone) out += " " + std::string(to_string(refusal));
    return out + "\n";
}

std::optional<FreeReply> FreeReply::parse(std::string_view line) {
    FreeReply out;
    if (line.size() > kMaxFreeLine || !skip(line, kFreed) || !take_number(line, out.freed) || !skip(line, kLeft) ||
        !take_number(line, out.left))
        return std::nullopt;
    if (line == "\n") return out;
    if (!line.ends_with('\n') || !skip(line, " ")) return std::nullopt;
    line.remove_suffix(1);
    for (std::size_t i = 1; i < kRows.size(); ++i) {
        if (kRows[i].token != line) continue;
        out.refusal = static_cast<FreeRefusal>(i);
        return out;
    }
    return std::nullopt;
}

}  // namespace postern::agent
