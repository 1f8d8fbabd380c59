// SPDX-License-Identifier: Apache-2.0
// `postern endpoint show`: one endpoint, and whether its security groups allow this host.
#include <fmt/format.h>

#include "agent/account/access.h"
#include "agent/account/endpoint_progress.h"
#include "agent/client/console.h"
#include "agent/commands/endpoint_command.h"
#include "agent/text/terminal.h"

namespace postern::agent {
namespace {

int exit_code(const EndpointProgress& progress, Access access) {
    using Outcome = EndpointProgress::Outcome;
    if (access == Access::kNo || progress.outcome == Outcome::kFailed) return kExitFailed;
    return progress.outcome == Outcome::kConnected && access == Access::kYes ? kExitGood : kExitWarning;
}

std::string next_step(const EndpointProgress& progress, const AccessJudgement& access, const std::string& from) {
    if (!progress.next.empty()) return progress.next;
    if (access.access == Access::kNo) return "add an ingress rule to the security group: TCP 443/443 from " + from;
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
    const std::string next = next_step(progress, access, from);
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
                       {"reason", access.reason}}},
                     {"next", next}};
        // Also a zones file, while its addresses may be used; otherwise it must not replace one.
        if (progress.outcome == EndpointProgress::Outcome::kConnected)
            body.update(zones_file_json(*info, run.session.wall_us()));
        print_json(std::move(body));
        return exit_code(progress, access.access);
    }
    const Paint paint(colour_wanted());
    const auto& r = info->report;
    std::string out = fmt::format("endpoint  {}  {}\n", r.endpoint_id, printable(info->name));
    out += fmt::format("state     {}\n",
                       progress.next.empty() ? paint.green(progress.stage) : paint.yellow(printable(progress.stage)));
    out += fmt::format("service   {}\nvpc       {}\nname      {}\n", printable(r.service_name), printable(info->vpc),
                       printable(r.domain));
    if (info->zone_affinity.value_or(false) && r.zones.size() > 1)
        out += "affinity  on: the name above gives each host the address of its own zone alone\n";
    for (const auto& zone : r.zones) {
        out += fmt::format("zone      {}  {}", pad(printable(zone.zone_id), 16), pad(printable(zone.status), 12));
        for (const auto& ip : {zone.ipv4, zone.ipv6})
            out += ip ? "  " + ip->text() : "";
        out += "\n";
    }
    for (const auto& group : attached.value_or(std::vector<AttachedGroup>{})) {
        out += fmt::format("group     {}  {}\n", printable(group.id), printable(group.status));
    }
    const std::string word(to_string(access.access));
    const std::string painted = access.access == Access::kYes  ? paint.green(word)
                                : access.access == Access::kNo ? paint.red(word)
                                                               : paint.yellow(word);
    out += fmt::format("443 open  {}{}: {}\n", painted, from.empty() ? "" : " from " + from, printable(access.reason));
    if (!next.empty()) out += "next      " + printable(next) + "\n";
    print(out);
    return exit_code(progress, access.access);
}

}  // namespace postern::agent
