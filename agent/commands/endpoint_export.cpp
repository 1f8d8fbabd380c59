// SPDX-License-Identifier: Apache-2.0
// `postern endpoint export`: an endpoint's zones as a file that `zones_file` of a link takes.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/endpoint_command.h"
#include "agent/text/terminal.h"
#include "core/file_system.h"
#include "core/printable.h"
#include "core/text.h"

namespace postern::agent {

Json zones_file_json(const EndpointInfo& info, Micros written_wall_us) {
    Json zones = Json::array();
    for (const auto& zone : info.zones) {
        Json row = {{"ZoneId", zone.report.zone_id}, {"ZoneStatus", zone.report.status}};
        const std::pair<const char*, std::string> rest[] = {
            {"EniIp", zone.report.ipv4 ? zone.report.ipv4->text() : ""},
            {"ZoneIpv6Address", zone.report.ipv6 ? zone.report.ipv6->text() : ""},
            {"ZoneDomain", zone.report.domain},
            {"EniId", zone.eni},
            {"VSwitchId", zone.vswitch},
            {"RegionId", zone.region}};
        for (const auto& [name, value] : rest) {
            if (!value.empty()) row[name] = value;
        }
        zones.push_back(std::move(row));
    }
    return {{"EndpointId", info.report.endpoint_id},
            {"RequestId", info.report.request_id},
            {"WrittenAt", core::format_utc(written_wall_us)},
            {"TotalCount", zones.size()},
            {"Zones", zones}};
}

namespace {

/// The one that was named, or the only one of the configuration.
core::Result<std::string> wanted_endpoint(const EndpointRun& run) {
    if (!run.command.endpoint.empty()) return run.command.endpoint;
    std::set<std::string> ids;
    for (const auto& link : run.config.links)
        ids.insert(link.endpoints.begin(), link.endpoints.end());
    if (ids.size() == 1) return *ids.begin();
    return core::fail(core::Code::kUsage,
                      ids.empty() ? core::Message("the configuration has no endpoint's ID")
                                  : core::message("the configuration has several endpoints: {}",
                                                  core::joined(ids, [](const std::string& id) { return id; })),
                      core::Message("postern endpoint export ep-… " + run.command.file));
}

}  // namespace

int export_zones(EndpointRun& run) {
    const auto wanted = wanted_endpoint(run);
    if (!wanted) return fail_command(run, wanted.error(), kExitUnknown);
    const std::string& id = *wanted;
    const std::string& file = run.command.file;
    const auto info = run.cloud.describe(id);
    if (!info)
        return fail_command(run, info.error(),
                            info.error().code == core::Code::kApiNotFound ? kExitFailed : kExitUnknown);
    // A file stands for a connected endpoint: one that is not must never replace what works.
    if (const core::Message why = why_not_ready(info->report, {}); !why.empty()) {
        return fail_command(run, core::Error{core::Code::kApiRejected,
                                             core::message("{} has no address that could be used", id), why, 0});
    }
    const Json content = zones_file_json(*info, run.session.wall_us());
    const std::string text = core::printable_json(content.dump(2, ' ', false, Json::error_handler_t::replace)) + "\n";
    if (auto written = core::write_file(file, core::as_bytes(text), 0644, true); !written)
        return fail_command(run, written.error(), kExitUnknown);
    const std::size_t ready = ready_addresses(info->report, {}).size();
    if (run.command.json) {
        print_json({{"endpoint", id},
                    {"file", file},
                    {"written_at", content["WrittenAt"]},
                    {"zones", info->zones.size()},
                    {"addresses", ready}});
    } else {
        print(told(core::message("{}: {}, {} addresses that may be used, {} zones", printable(file), id, ready,
                                 info->zones.size())) +
              "\n");
    }
    return kExitGood;
}

}  // namespace postern::agent
