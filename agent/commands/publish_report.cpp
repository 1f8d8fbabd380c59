// SPDX-License-Identifier: Apache-2.0
// `postern publish report`: what the running agent reports of this host, written once.
#include <optional>

#include "agent/client/agent_client.h"
#include "agent/client/console.h"
#include "agent/commands/cli.h"
#include "agent/commands/store_session.h"
#include "agent/fleet/host_report.h"
#include "agent/text/json_view.h"
#include "core/log.h"

namespace postern::agent {
namespace {

using core::Code;

constexpr std::string_view kName = "publish report";
constexpr Micros kTimeout = 5 * core::kSecond;

core::Result<std::string> ask_report(const Config& config) {
    auto reply = ask_agent(config, "GET", "/api/v1/report", kTimeout);
    if (!reply) return core::fail(reply.error());
    if (reply->status != 200 || reply->body.size() > kMaxReportBytes)
        return core::fail(Code::kHttpFailed, core::message("the agent gives no report: HTTP {}", reply->status),
                          "wait until it has started, and see that it has the version of this command: postern status");
    return std::move(reply->body);
}

/// As the agent names it.
std::string name_of_report(const std::string& bytes) {
    const auto root = JsonView::parse(bytes, kMaxReportBytes);
    HostReport report;
    if (root) report.host = root->at("host").text();
    if (root) report.instance = root->at("instance").text();
    return report_name(report);
}

core::Result<ObjectPlace> write(const Config& config, const std::string& to, const std::string& report) {
    const auto folder = parse_folder_place(to);
    if (!folder) return core::fail(folder.error());
    const std::string name = name_of_report(report);
    if (name.empty())
        return core::fail(Code::kConfigBadValue, "this host has neither a name nor an ID of the cloud",
                          "give it a name: hostnamectl set-hostname NAME");
    const ObjectPlace place = beside(*folder, name);
    StoreSession session(config);
    std::optional<core::Result<StoredAs>> written;
    session.from_loop([&] {
        session.store().put(place, report, ObjectStore::Put::kReplace,
                            [&written](core::Result<StoredAs> as) { written = std::move(as); });
    });
    if (!session.wait([&written] { return written.has_value(); })) return core::fail(Code::kCancelled, "interrupted");
    if (!*written) return core::fail(std::move(written->error()));
    return place;
}

}  // namespace

int run_command(const PublishReportCommand& command) {
    const auto config = config_or_complain(kName, command.config);
    if (!config) return kExitUnknown;
    core::configure_log(core::Level::kError, core::LogFormat::kText);
    const std::string to = command.to.empty() ? config->fleet.reports() : command.to;
    if (to.empty() && !command.dry_run) {
        complain(kName, core::Error{Code::kUsage, "where to write the report is not known",
                                    "give --to oss://BUCKET/PREFIX/, or report_url in [fleet]", 0});
        return kExitUnknown;
    }
    const auto report = ask_report(*config);
    if (!report) {
        complain(kName, report.error());
        return kExitUnknown;
    }
    if (command.dry_run) {
        print_data(*report);
        return kExitGood;
    }
    const auto place = write(*config, to, *report);
    if (!place) {
        complain(kName, place.error());
        return place.error().code == Code::kCancelled ? kExitUnknown : kExitFailed;
    }
    print("written: " + place->text() + "\n");
    return kExitGood;
}

}  // namespace postern::agent
