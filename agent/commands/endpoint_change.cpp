// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/endpoint_change.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/account/operation_error.h"
#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/text/terminal.h"
#include "agent/text/values.h"

namespace postern::agent {
namespace {

/// The refusal says that the connection is there, the state that it is just being taken away.
bool is_being_disconnected(EndpointRun& run, const ApiError& refusal) {
    if (refusal.code != kConnectionDenied) return false;
    const auto seen = run.cloud.describe(run.command.endpoint);
    return seen &&
           (seen->report.connection_status == "Disconnecting" || seen->report.connection_status == "Disconnected");
}

}  // namespace

core::Result<void> write_when_free(EndpointRun& run, Micros deadline,
                                   const std::function<core::Result<void>()>& write) {
    ProgressLine line;
    for (;;) {
        run.refusal.reset();
        auto done = write();
        if (done) return done;
        run.refusal = run.session.refusal();
        const bool busy = is_busy(*run.refusal) || is_being_disconnected(run, *run.refusal);
        if (!busy && !may_pass(done.error().code, true)) return done;
        if (run.session.now_us() + run.command.interval_us > deadline) return done;
        line.show(busy ? core::message("the endpoint is busy: {}", run.refusal->code)
                       : core::message("can't ask right now: {}", done.error().whole()),
                  "…");
        if (!run.session.sleep(run.command.interval_us)) return core::fail(core::Code::kCancelled, "interrupted");
    }
}

core::Result<StepEnd> wait_for_end(EndpointRun& run, Micros deadline,
                                   const std::function<core::Result<std::optional<std::string>>()>& look) {
    ProgressLine line;
    for (;;) {
        auto seen = look();
        if (run.session.interrupted()) return StepEnd::kInterrupted;
        if (!seen && !may_pass(seen.error().code, true)) return core::fail(std::move(seen.error()));
        if (seen && !*seen) return StepEnd::kDone;
        line.show(seen ? core::Message(**seen) : core::message("can't ask right now: {}", seen.error().whole()), "…");
        if (run.session.now_us() + run.command.interval_us > deadline) {
            if (seen) return StepEnd::kTimeout;
            const std::string limit = format_duration(run.command.timeout_us);
            return core::fail(seen.error().code, not_known("the step is over", limit, seen.error()), seen.error().hint);
        }
        if (!run.session.sleep(run.command.interval_us)) return StepEnd::kInterrupted;
    }
}

core::Result<StepEnd> take_zone_away(EndpointRun& run, const std::string& zone, Micros deadline) {
    const std::string& id = run.command.endpoint;
    // nullopt: the endpoint has it no more.
    const auto status = [&]() -> core::Result<std::optional<std::string>> {
        const auto zones = run.cloud.zones(id);
        if (!zones && zones.error().code == core::Code::kApiNotFound) return std::optional<std::string>();
        if (!zones) return core::fail(zones.error());
        for (const auto& one : *zones) {
            if (one.report.zone_id == zone) return std::optional(one.report.status);
        }
        return std::optional<std::string>();
    };
    const std::string token = new_client_token(run.session);
    const auto remove = [&]() -> core::Result<void> {
        // An earlier run may have begun it.
        const auto before = status();
        if (before && (!*before || **before == "Deleting")) return {};
        return run.cloud.remove_zone(id, zone, token, false);
    };
    auto done = write_when_free(run, deadline, remove);
    if (!done && done.error().code != core::Code::kApiNotFound) return core::fail(std::move(done.error()));
    return wait_for_end(run, deadline, [&]() -> core::Result<std::optional<std::string>> {
        auto now = status();
        if (now && *now) return std::optional(zone + ": " + **now);
        return now;
    });
}

std::string links_that_use(const Config& config, const std::string& endpoint) {
    std::string out;
    for (const auto& link : config.links) {
        if (std::find(link.endpoints.begin(), link.endpoints.end(), endpoint) != link.endpoints.end())
            out += told(core::message("link {} of {} uses it: its name will have no address", link.name, config.path)) +
                   "\n";
    }
    return out;
}

std::vector<core::Message> groups_that_stay(EndpointRun& run,
                                            const core::Result<std::vector<AttachedGroup>>& attached) {
    if (!attached) return {core::message("its security groups, which could not be read: {}", attached.error().whole())};
    std::vector<core::Message> out;
    for (const auto& group : *attached) {
        const auto found = run.cloud.security_group(group.id);
        const bool own = found && found->name == kOwnGroupName && is_resource_id(group.id, "sg-");
        out.push_back(own     ? core::message("security group {} ({}); to delete it: {}", group.id,
                                              std::string(kOwnGroupName), remove_group_command(run.command, group.id))
                      : found ? core::message("security group {}, which postern did not make", group.id)
                              : core::message("security group {}, whose name could not be read", group.id));
    }
    return out;
}

std::string remove_group_command(const EndpointCommand& command, const std::string& group) {
    return "postern endpoint remove-group " + group + place_options(command);
}

std::optional<int> confirm(const EndpointRun& run, const core::Message& question, const core::Message& undone) {
    if (run.command.yes) return std::nullopt;
    const auto answer = ask(told(question));
    if (answer && *answer) return std::nullopt;
    if (answer) return fail_command(run, core::Error{core::Code::kUsage, undone, {}, 0});
    return fail_command(run, core::Error{core::Code::kUsage, "it asks first, and there is no terminal to ask on",
                                         "give --yes to do it without a question", 0});
}

}  // namespace postern::agent
