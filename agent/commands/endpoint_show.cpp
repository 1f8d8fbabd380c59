// SPDX-License-Identifier: Apache-2.0
// `postern endpoint show`: one endpoint, and whether its security groups allow this host.
#include <fmt/format.h>

#include "agent/account/access.h"
#include "agent/account/endpoint_progress.h"
#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/endpoint_command.h"
#include "agent/text/terminal.h"

namespace postern::agent {
namespace {

int exit_code(const EndpointProgress& progress, Access access) {
    using Outcome = EndpointProgress::Outcome;
    if (access == Access::kNo || progress.outcome == Outcome::kFailed) return kExitFailed;
    return progress.outcome == Outcome::kConnected && access == Access::kYes ? kExitGood : kExitWarning;
}

core::Message next_step(const EndpointProgress& progress, const AccessJudgement& access, const std::string& from) {
    if (!progress.next.empty()) return progress.next;
    if (access.access == Access::kNo)
        return core::message("add an ingress rule to the security group: TCP 443/443 from {}", from);
    if (access.access == Access::kUnknown) return "a probe can decide: postern probe --host NAME --address IP";
    return {};
}

}  // namespace

int show_endpoint(EndpointRun& run) {
    const auto info = run.cloud.describe(run.command.endpoint);
    if (!info)
        return fail_command(run, info.error(),
                            info.error().code == core::Code::kApiNotFound ? kExitFailed : kExitUnknown);
    const auto attached = run.cloud.attached_groups(run.command.endpoint);
    const auto [access, from] = ask_access(run.session, run.cloud, info->report, attached, run.command.from);
    if (run.session.interrupted()) return fail_command(run, core::Error{core::Code::kCancelled, "interrupted", {}, 0});
    const auto progress = progress_of(info->report);
    const core::Message next = next_step(progress, access, from);
    if (run.command.json) {
        Json groups = Json::array();
        for (const auto& group : attached.value_or(std::vector<AttachedGroup>{}))
            groups.push_back({{"id", group.id}, {"status", group.status}});
        Json body = {{"region", run.session.region()},
                     {"endpoint", to_json(*info)},
                     {"security_groups", groups},
                     {"access",
                      {{"port", kEndpointPort},
                       {"from", from},
                       {"allowed", to_string(access.access)},
                       {"reason", access.reason.text()}}},
                     {"next", next.text()}};
        // Also a zones file, while its addresses may be used; otherwise it must not replace one.
        if (progress.outcome == EndpointProgress::Outcome::kConnected)
            body.update(zones_file_json(*info, run.session.wall_us()));
        print_json(std::move(body));
        return exit_code(progress, access.access);
    }
    const Paint paint(colour_wanted());
    const auto& r = info->report;
    std::string out;
    const auto row = [&out](const core::Message& line) { out += told(line) + "\n"; };
    row(core::message("endpoint  {}  {}", r.endpoint_id, printable(info->name)));
    const std::string stage = printable(told(progress.stage));
    row(core::message("state     {}", progress.next.empty() ? paint.green(stage) : paint.yellow(stage)));
    row(core::message("service   {}", printable(r.service_name)));
    row(core::message("vpc       {}", printable(info->vpc)));
    row(core::message("name      {}", printable(r.domain)));
    if (info->zone_affinity.value_or(false) && r.zones.size() > 1)
        row("affinity  on: the name above gives each host the address of its own zone alone");
    for (const auto& zone : r.zones) {
        std::string cells = pad(printable(zone.zone_id), 16) + "  " + pad(printable(zone.status), 12);
        for (const auto& ip : {zone.ipv4, zone.ipv6})
            cells += ip ? "  " + ip->text() : "";
        row(core::message("zone      {}", cells));
    }
    for (const auto& group : attached.value_or(std::vector<AttachedGroup>{})) {
        row(core::message("group     {}  {}", printable(group.id), printable(group.status)));
    }
    const std::string word(to_string(access.access));
    const std::string painted = access.access == Access::kYes  ? paint.green(word)
                                : access.access == Access::kNo ? paint.red(word)
                                                               : paint.yellow(word);
    const std::string reason = printable(told(access.reason));
    row(from.empty() ? core::message("443 open  {}: {}", painted, reason)
                     : core::message("443 open  {} from {}: {}", painted, from, reason));
    if (!next.empty()) row(core::message("next      {}", printable(told(next))));
    print(out);
    return exit_code(progress, access.access);
}

}  // namespace postern::agent
