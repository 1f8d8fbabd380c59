// SPDX-License-Identifier: Apache-2.0
// `postern endpoint zone add` and `remove`: one zone of an endpoint.
#include <fmt/format.h>

#include <algorithm>

#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/endpoint_change.h"
#include "agent/text/terminal.h"
#include "agent/text/values.h"
#include "core/text.h"

namespace postern::agent {
namespace {

const ZoneReport* zone_of(const EndpointInfo& info, const std::string& zone) {
    for (const auto& one : info.report.zones) {
        if (one.zone_id == zone) return &one;
    }
    return nullptr;
}

int tell(EndpointRun& run, bool changed, const core::Message& what, const core::Message& next) {
    if (run.command.json) {
        print_json({{"dry_run", run.command.dry_run},
                    {"endpoint", run.command.endpoint},
                    {"zone", run.command.zone.zone},
                    {"changed", changed},
                    {"what", what.text()},
                    {"next", next.text()}});
    } else {
        print(printable(told(what)) + "\n" +
              (next.empty() ? "" : printable(told(core::message("next     {}", next))) + "\n"));
    }
    return kExitGood;
}

int stop_waiting(EndpointRun& run, StepEnd end) {
    const core::Message look = core::message("postern endpoint show {} tells; a zone is billed until it is gone",
                                             run.command.endpoint + place_options(run.command));
    if (end == StepEnd::kInterrupted)
        return fail_command(run, core::Error{core::Code::kCancelled, "interrupted while waiting", look, 0});
    return fail_command(
        run, core::Error{core::Code::kTimeout,
                         core::message("the change is not through after {}", format_duration(run.command.timeout_us)),
                         look, 0});
}

int add(EndpointRun& run, EndpointInfo info) {
    const std::string& id = run.command.endpoint;
    const std::string& zone = run.command.zone.zone;
    if (const auto* there = zone_of(info, zone); there != nullptr && there->status != "Deleting")
        return tell(run, false, core::message("{} has the zone {} already: {}", id, zone, there->status),
                    why_not_ready(info.report, {zone}));
    const auto placed = place_zone(run.command.zone, host_place(run), info.vpc);
    if (!placed) return fail_command(run, placed.error());
    if (run.command.dry_run) {
        const auto passed = run.cloud.add_zone(id, *placed, "", true);
        if (!passed) return fail_command(run, passed.error());
        return tell(run, false, core::message("the API would add {}; nothing was changed", zone_wish_text(*placed)),
                    {});
    }
    // In a script, calling it is the consent, as for create.
    if (!run.command.yes &&
        !ask(told(core::message("add {} to {}? Alibaba Cloud bills each zone", zone, id))).value_or(true))
        return fail_command(run, core::Error{core::Code::kUsage, "not confirmed; nothing was added", {}, 0});
    const Micros deadline = run.session.now_us() + run.command.timeout_us;
    const std::string token = new_client_token(run.session);
    auto done = write_when_free(run, deadline, [&] { return run.cloud.add_zone(id, *placed, token, false); });
    if (!done) {
        core::Error error = std::move(done.error());
        if (outcome_unknown(error.code)) {
            core::add_sentence(
                error.hint,
                core::message("whether it was added, and is billed, is not known: postern endpoint show {} tells",
                              id + place_options(run.command)));
        }
        return fail_command(run, error);
    }
    const auto end = wait_for_end(run, deadline, [&]() -> core::Result<std::optional<std::string>> {
        auto seen = run.cloud.describe(id);
        if (!seen) return core::fail(std::move(seen.error()));
        info = std::move(*seen);
        const auto* there = zone_of(info, zone);
        const bool made = there != nullptr && there->status != "Creating" && info.report.status == "Active";
        if (made) return std::optional<std::string>();
        return std::optional(zone + ": " + (there == nullptr ? "not listed yet" : there->status));
    });
    if (!end) return fail_command(run, end.error());
    if (*end != StepEnd::kDone) return stop_waiting(run, *end);
    const auto* there = zone_of(info, zone);
    return tell(run, true,
                core::message("{} has the zone {}: {}", id, zone,
                              there->status + (there->ipv4 ? ", " + there->ipv4->text() : "")),
                why_not_ready(info.report, {zone}));
}

int remove(EndpointRun& run, const EndpointInfo& info) {
    const std::string& id = run.command.endpoint;
    const std::string& zone = run.command.zone.zone;
    if (zone_of(info, zone) == nullptr) {
        std::vector<std::string> there;
        for (const auto& one : info.report.zones)
            there.push_back(one.zone_id);
        return fail_command(run, core::Error{core::Code::kApiRejected, core::message("{} is no zone of {}", zone, id),
                                             there.empty() ? core::Message("it has none")
                                                           : core::message("it has {}", core::joined(there)),
                                             0});
    }
    const bool last = info.report.zones.size() == 1;
    std::string reminder = told("its address will be gone: programs that use it must go elsewhere first") + "\n";
    if (last) {
        reminder =
            told(core::message("it is the last zone: the endpoint stays, without any address; to delete it as well: "
                               "postern endpoint delete {}",
                               id)) +
            "\n" + links_that_use(run.config, id);
    }
    print_note(reminder);
    if (run.command.dry_run) {
        const auto passed = run.cloud.remove_zone(id, zone, "", true);
        if (!passed) return fail_command(run, passed.error());
        return tell(run, false, core::message("the API would remove {}; nothing was changed", zone), {});
    }
    if (const auto code =
            confirm(run, core::message("remove {} from {}?", zone, id), "not confirmed; nothing was removed"))
        return *code;
    const auto end = take_zone_away(run, zone, run.session.now_us() + run.command.timeout_us);
    if (!end) return fail_command(run, end.error());
    if (*end != StepEnd::kDone) return stop_waiting(run, *end);
    return tell(run, true, core::message("{} is removed from {}", zone, id),
                last ? core::Message("postern endpoint delete " + id) : core::Message());
}

}  // namespace

int change_zone(EndpointRun& run) {
    auto info = run.cloud.describe(run.command.endpoint);
    if (!info) return fail_command(run, info.error());
    return run.command.adds ? add(run, std::move(*info)) : remove(run, *info);
}

}  // namespace postern::agent
