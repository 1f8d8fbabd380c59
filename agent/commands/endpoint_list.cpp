// SPDX-License-Identifier: Apache-2.0
// `postern endpoint list` and `postern endpoint services`.
#include <fmt/format.h>

#include <algorithm>

#include "agent/account/endpoint_progress.h"
#include "agent/account/operation_error.h"
#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/endpoint_command.h"
#include "agent/text/terminal.h"
#include "core/text.h"

namespace postern::agent {
namespace {

using Rows = std::vector<std::vector<std::string>>;

/// Columns as wide as their widest cell, the last one unbounded.
std::string table(const Rows& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], display_width(row[i]));
    }
    std::string out;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i)
            out += i + 1 < row.size() ? pad(row[i], widths[i] + 2) : row[i];
        out += "\n";
    }
    return out;
}

bool is_wanted(const EndpointService& s, const std::string& wanted) {
    return wanted.empty() || s.id == wanted || s.name == wanted;
}

}  // namespace

int list_endpoints(EndpointRun& run) {
    const EndpointWish& wish = run.command.wish;
    auto found = run.cloud.endpoints(wish.vpc, "");
    if (!found) return fail_command(run, found.error(), kExitUnknown);
    std::erase_if(*found, [&](const EndpointInfo& e) {
        return !wish.service.empty() && e.service_id != wish.service && e.report.service_name != wish.service;
    });
    if (run.command.json) {
        Json list = Json::array();
        for (const auto& e : *found) {
            Json one = to_json(e);
            for (const char* of_zones : {"zones", "connected", "next"})
                one.erase(of_zones);  // not requested here
            list.push_back(std::move(one));
        }
        print_json({{"region", run.session.region()}, {"endpoints", list}});
        return kExitGood;
    }
    if (found->empty()) {
        print(told(core::message("no endpoint in {}; to make one: postern endpoint create --service SERVICE",
                                 run.session.region())) +
              "\n");
        return kExitGood;
    }
    Rows rows{{"ENDPOINT", "NAME", "STATUS", "CONNECTION", "VPC", "SERVICE"}};
    for (const auto& e : *found) {
        rows.push_back({e.report.endpoint_id, e.name, e.report.status, e.report.connection_status, e.vpc,
                        e.service_id.empty() ? e.report.service_name : e.service_id});
        for (auto& cell : rows.back())
            cell = printable(cell);
    }
    print(table(rows));
    return kExitGood;
}

int list_services(EndpointRun& run) {
    const std::string& wanted = run.command.wish.service;
    auto found = run.cloud.services(service_region_of(run.command.wish, run.session.region()));
    if (!found) return fail_command(run, found.error(), kExitUnknown);
    std::erase_if(*found, [&](const EndpointService& s) { return !is_wanted(s, wanted); });
    const std::string account = run.cloud.account();
    if (run.session.interrupted()) return fail_command(run, core::Error{core::Code::kCancelled, "interrupted", {}, 0});
    const bool none = found->empty();
    const std::string& elsewhere = run.command.wish.service_region;
    const std::string region = elsewhere.empty() ? run.session.region() : elsewhere;
    const core::Message next =
        none ? (wanted.empty() ? core::message("have this account whitelisted {}", whitelist_step(account))
                               : core::message("have this account whitelisted for it {}", whitelist_step(account)))
             : core::Message("postern endpoint create --service " + (wanted.empty() ? std::string("SERVICE") : wanted) +
                             (elsewhere.empty() ? "" : " --region-of-service " + elsewhere));
    if (run.command.json) {
        Json list = Json::array();
        for (const auto& s : *found) {
            list.push_back({{"id", s.id},
                            {"name", s.name},
                            {"type", s.type},
                            {"zones", s.zones},
                            {"ip_version", s.ip_version},
                            {"accepts_by_itself", s.accepts_by_itself}});
        }
        print_json({{"region", run.session.region()},
                    {"account", account},
                    {"whitelisted", !none},
                    {"services", list},
                    {"next", next.text()}});
        return none ? kExitWarning : kExitGood;
    }
    const auto row = [](const core::Message& line) { print(told(line) + "\n"); };
    row(core::message("account  {}", account.empty() ? core::Message("not known") : core::Message(account)));
    if (none) {
        row(core::message("{}: it is not whitelisted yet, or the service is of another region",
                          wanted.empty()
                              ? core::message("this account may connect to no service in {}", region)
                              : core::message("this account does not see {} in {}", printable(wanted), region)));
        row(core::message("next     {}", next));
        return kExitWarning;
    }
    Rows rows{{"SERVICE", "ZONES", "ACCEPTED", "NAME"}};
    for (const auto& s : *found) {
        rows.push_back(
            {s.id, core::joined(s.zones), told(s.accepts_by_itself ? "by itself" : "in its console"), s.name});
        for (auto& cell : rows.back())
            cell = printable(cell);
    }
    print(table(rows));
    row(core::message("next     {}", next));
    return kExitGood;
}

}  // namespace postern::agent
