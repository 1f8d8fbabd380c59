// SPDX-License-Identifier: Apache-2.0
// `postern endpoint delete`: asks, removes the zones, deletes the endpoint, waits for each step; and `remove-group`.
// Alibaba Cloud bills an endpoint until it is gone: every end of the command says what is still there.
#include <fmt/format.h>

#include "agent/account/operation_error.h"
#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/endpoint_change.h"
#include "agent/text/terminal.h"
#include "agent/text/values.h"
#include "core/text.h"

namespace postern::agent {
namespace {

bool is_connected(const EndpointReport& r) {
    return r.connection_status != "Disconnected" && r.connection_status != "Pending" && !r.connection_status.empty();
}

std::string reminder(const EndpointRun& run, const EndpointInfo& info) {
    std::string out;
    if (is_connected(info.report)) {
        out += told(core::message(
                   "its connection is {}: first disconnect it in TDengine's console (实例 > 私有连接 > 操作 > "
                   "断开), then delete it there",
                   info.report.connection_status)) +
               "\n";
    } else {
        out += told("delete its connection in TDengine's console (实例 > 私有连接), too, if there is one") + "\n";
    }
    return out + told("Alibaba Cloud keeps billing until the endpoint itself is deleted") + "\n" +
           links_that_use(run.config, info.report.endpoint_id);
}

std::string again(const EndpointRun& run) {
    return "postern endpoint delete " + run.command.endpoint + place_options(run.command);
}

/// What the API still has of it, for the end of a command that did not delete it.
struct Remains {
    bool known = false;
    std::vector<std::string> things;
    core::Message bill;  // one sentence, with the command that goes on
};
Remains what_remains(EndpointRun& run) {
    const std::string& id = run.command.endpoint;
    const auto seen = run.cloud.describe(id);
    if (!seen && seen.error().code == core::Code::kApiNotFound)
        return {true, {}, core::message("{} itself is gone", id)};
    if (!seen) {
        return {false,
                {},
                core::message("whether {} is still there is not known; it is billed until it is gone: postern endpoint "
                              "show {} tells",
                              id, id + place_options(run.command))};
    }
    Remains out{true, {"endpoint " + id}, {}};
    for (const auto& zone : seen->report.zones)
        out.things.push_back("zone " + zone.zone_id);
    out.bill =
        seen->report.zones.empty()
            ? core::message("endpoint {} is still there and billed until it is gone; to go on: {}", id, again(run))
            : core::message("{} are still there and billed until they are gone; to go on: {}", core::joined(out.things),
                            again(run));
    return out;
}

/// The end of a delete that did not come to its end.
int stop(EndpointRun& run, core::Error error) {
    if (!run.refusal) run.refusal = run.session.refusal();
    const Remains remains = what_remains(run);
    core::add_sentence(error.hint, remains.bill);
    return fail_command(run, error, kExitFailed,
                        {{"deleted", remains.known && remains.things.empty()},
                         {"endpoint", run.command.endpoint},
                         {"stays", remains.known ? Json(remains.things) : Json()}});
}

int stop_waiting(EndpointRun& run, StepEnd end, const core::Message& what) {
    if (end == StepEnd::kInterrupted)  // the session asks nothing any more: what remains is not known
        return stop(run, core::Error{core::Code::kCancelled, "interrupted while waiting", {}, 0});
    return stop(run,
                core::Error{core::Code::kTimeout,
                            core::message("{} is not gone after {}", what, format_duration(run.command.timeout_us)),
                            {},
                            0});
}

int dry_run(EndpointRun& run, const EndpointInfo& info) {
    const std::string& id = run.command.endpoint;
    std::vector<std::string> zones;
    for (const auto& zone : info.report.zones) {
        zones.push_back(zone.zone_id);
        if (zone.status == "Deleting") continue;
        const auto passed = run.cloud.remove_zone(id, zone.zone_id, "", true);
        if (!passed) return fail_command(run, passed.error());
    }
    // With zones it would be refused because of them.
    if (zones.empty()) {
        if (const auto passed = run.cloud.remove(id, "", true); !passed) return fail_command(run, passed.error());
    }
    const core::Message what =
        zones.empty() ? core::message("the API would delete {}; nothing was changed", id)
                      : core::message(
                            "the API would remove {}; whether it would then delete {} can be checked when they "
                            "are gone; nothing was changed",
                            core::joined(zones), id);
    if (run.command.json) {
        print_json({{"dry_run", true}, {"endpoint", id}, {"deleted", false}, {"what", what.text()}, {"next", ""}});
    } else {
        print(told(what) + "\n");
    }
    return kExitGood;
}

/// Refusals that the API would give after the zones are gone, asked for while everything is still there.
core::Result<void> refused_beforehand(EndpointRun& run, const EndpointInfo& info) {
    if (info.report.zones.empty() || !is_connected(info.report)) return {};
    auto checked = run.cloud.remove(run.command.endpoint, "", true);
    if (checked) return {};
    const bool denied = checked.error().code == core::Code::kApiDenied;
    const bool connected =
        run.session.refusal().code == kConnectionDenied && info.report.connection_status != "Disconnecting";
    if (denied || connected) return checked;
    return {};
}

core::Result<std::optional<std::string>> how_it_stands(EndpointRun& run) {
    const auto seen = run.cloud.describe(run.command.endpoint);
    if (!seen && seen.error().code == core::Code::kApiNotFound) return std::optional<std::string>();
    if (!seen) return core::fail(seen.error());
    return std::optional(seen->report.status);
}

int tell_gone(EndpointRun& run, const core::Result<std::vector<AttachedGroup>>& attached) {
    const auto stays = groups_that_stay(run, attached);
    if (run.command.json) {
        Json kept = Json::array();
        for (const auto& one : stays)
            kept.push_back(one.text());
        print_json({{"dry_run", false},
                    {"endpoint", run.command.endpoint},
                    {"deleted", true},
                    {"what", run.command.endpoint + " is deleted"},
                    {"stays", kept},
                    {"next", ""}});
        return kExitGood;
    }
    std::string out = told(core::message("{} is deleted with its zones: Alibaba Cloud does not bill it any more",
                                         run.command.endpoint)) +
                      "\n";
    for (const auto& one : stays)
        out += printable(told(core::message("stays, at no cost: {}", one))) + "\n";
    print(out);
    return kExitGood;
}

}  // namespace

int delete_endpoint(EndpointRun& run) {
    const std::string& id = run.command.endpoint;
    const auto info = run.cloud.describe(id);
    if (!info) return fail_command(run, info.error());
    const auto attached = run.cloud.attached_groups(id);
    print_note(printable(told(core::message("{}  {}  {}, connection {}", id, info->name, info->report.status,
                                            info->report.connection_status))) +
               "\n" + reminder(run, *info));
    if (run.command.dry_run) return dry_run(run, *info);
    if (const auto code = confirm(run, core::message("delete {}?", id), "not confirmed; nothing was deleted"))
        return *code;
    const Micros deadline = run.session.now_us() + run.command.timeout_us;
    if (auto refused = refused_beforehand(run, *info); !refused) return stop(run, std::move(refused.error()));
    for (const auto& zone : info->report.zones) {
        auto end = take_zone_away(run, zone.zone_id, deadline);
        if (!end) return stop(run, std::move(end.error()));
        if (*end != StepEnd::kDone) return stop_waiting(run, *end, core::message("zone {}", zone.zone_id));
    }
    const std::string token = new_client_token(run.session);
    auto done = write_when_free(run, deadline, [&] { return run.cloud.remove(id, token, false); });
    if (!done && done.error().code != core::Code::kApiNotFound) return stop(run, std::move(done.error()));
    auto gone = wait_for_end(run, deadline, [&run] { return how_it_stands(run); });
    if (!gone) return stop(run, std::move(gone.error()));
    if (*gone != StepEnd::kDone) return stop_waiting(run, *gone, id);
    return tell_gone(run, attached);
}

int remove_group(EndpointRun& run) {
    const std::string& id = run.command.group;
    const auto group = run.cloud.security_group(id);
    if (!group) return fail_command(run, group.error());
    if (group->name != kOwnGroupName) {
        return fail_command(run, core::Error{core::Code::kUsage,
                                             core::message("{} is not named {}: postern did not make it", id,
                                                           std::string(kOwnGroupName)),
                                             "delete it in the ECS console if it is not needed", 0});
    }
    const core::Message what =
        core::message("security group {} ({}) of {}", id, std::string(kOwnGroupName), printable(group->vpc));
    const auto tell = [&](bool deleted, const core::Message& text) {
        if (run.command.json) {
            print_json({{"dry_run", run.command.dry_run}, {"group", id}, {"deleted", deleted}, {"what", text.text()}});
        } else {
            print(printable(told(text)) + "\n");
        }
        return kExitGood;
    };
    if (run.command.dry_run)
        return tell(false, core::message("{} would be deleted if nothing is in it; nothing was changed", what));
    if (const auto code = confirm(run, core::message("delete {}?", what), "not confirmed; nothing was deleted"))
        return *code;
    if (const auto done = run.cloud.remove_group(id); !done) return fail_command(run, done.error());
    return tell(true, core::message("{} is deleted", what));
}

}  // namespace postern::agent
