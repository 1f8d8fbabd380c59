// SPDX-License-Identifier: Apache-2.0
// `postern connections --free`: ends what is stuck at withdrawn addresses, by the plan, as postern-free does it - here,
// with the right of whoever runs it.
#include <fmt/format.h>

#include <map>
#include <optional>

#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/cli.h"
#include "agent/commands/connections_free.h"
#include "agent/config/paths.h"
#include "agent/freeing/destroyer.h"
#include "agent/freeing/may_free.h"
#include "core/file_system.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/printable.h"
#include "core/text.h"

namespace postern::agent {

namespace {

constexpr Micros kPause = core::kSecond;  // the destroyer's limit is by the second

struct Row {
    std::string link;
    core::SocketAddress address;
    FreeReply reply;
    std::map<std::uint32_t, std::uint32_t> users;  // connections by user
};

/// nullopt: it is not withdrawn.
std::optional<Row> free_one(const core::PlanView& plan, const core::PlanTarget& target, bool try_only,
                            Destroyer& destroyer) {
    Row row{plan.links[target.link].name, target.address, {}, {}};
    const Permission may = may_free(plan, target.address, core::now_mono_us(), core::boot_id(), true);
    if (may.refusal == FreeRefusal::kAnswered || may.refusal == FreeRefusal::kNotAsked) return std::nullopt;
    row.reply.refusal = may.refusal;
    if (may.refusal != FreeRefusal::kNone) return row;
    Interruptible interruptible;
    for (std::uint32_t freed = 0;;) {
        row.reply = destroyer.end_lost({target.address, may.lost, {}, try_only});
        if (row.users.empty()) row.users = destroyer.users();
        freed += row.reply.freed;
        row.reply.freed = freed;
        const bool more = !try_only && row.reply.left > 0 && row.reply.refusal == FreeRefusal::kNone;
        if (!more || !interruptible.sleep(kPause)) return row;
    }
}

std::string text_of(const Row& row, bool try_only) {
    const FreeReply& r = row.reply;
    core::Message what = try_only ? core::message("{} would be ended", r.left) : core::message("{} ended", r.freed);
    if (!try_only && r.left > 0) core::add_item(what, core::message("{} left", r.left));
    core::Message users;
    for (const auto& [uid, count] : row.users)
        core::add_item(users, core::message("{} of uid {}", count, uid));
    if (!users.empty()) what = core::message("{} ({})", std::move(what), std::move(users));
    if (r.refusal != FreeRefusal::kNone) what = core::message("{}: {}", std::move(what), explain(r.refusal));
    return fmt::format("{}  {}  {}\n", row.address.text(), core::printable(row.link), told(what));
}

std::string json_of(const Row& row) {
    return fmt::format(
        "{{\"link\":{},\"ip\":{},\"port\":{},\"freed\":{},\"left\":{},\"refusal\":{}}}", core::json_quote(row.link),
        core::json_quote(row.address.ip.text()), row.address.port, row.reply.freed, row.reply.left,
        row.reply.refusal == FreeRefusal::kNone ? "null" : core::json_quote(to_string(row.reply.refusal)));
}

}  // namespace

int free_connections(const Config& config, const ConnectionsCommand& command) {
    const std::string path = paths_of(config.agent).current_plan;
    const auto plan = core::PlanView::load(path);
    if (!plan) {
        complain("connections", core::Error{core::Code::kPlanInvalid,
                                            core::message("the agent's plan {} can't be used: {}", path,
                                                          core::to_string(plan.error())),
                                            "is the agent running? run this as root", 0});
        return kExitUnknown;
    }
    Destroyer destroyer;
    std::string out;
    bool all = true, known = true;
    for (const auto& target : plan->targets) {
        const auto row = free_one(*plan, target, command.dry_run, destroyer);
        if (!row) continue;
        const FreeReply& reply = row->reply;
        all &= reply.left == 0 && reply.refusal == FreeRefusal::kNone;
        known &= reply.refusal != FreeRefusal::kNoRight && reply.refusal != FreeRefusal::kUnsupported &&
                 reply.refusal != FreeRefusal::kFailed;
        out += command.json ? (out.empty() ? "" : ",") + json_of(*row) : text_of(*row, command.dry_run);
    }
    if (command.json) {
        print_data(fmt::format("{{\"schema_version\":1,\"dry_run\":{},\"addresses\":[{}]}}\n", command.dry_run, out));
    } else {
        print(out.empty() ? told("no address is withdrawn: nothing to end") + "\n" : out);
    }
    return !known ? kExitUnknown : all ? kExitGood : kExitWarning;
}

}  // namespace postern::agent
