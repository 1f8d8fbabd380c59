// SPDX-License-Identifier: Apache-2.0
// Any bytes as a host's report, and as a store's list of objects: a report that is taken is written in bounds and read the same
// again, and a fleet of it is judged.
#include <cstdlib>

#include "agent/fleet/fleet_view.h"
#include "agent/store/list_reply.h"
#include "core/bytes.h"

using namespace postern;
using namespace postern::agent;

namespace {

constexpr Micros kNow = 1767323045LL * core::kSecond;

void judge(std::string_view text) {
    const std::string any = "any.json";
    const auto refused = read_report(text, any, "prod", kNow);
    if (!refused && refused.error() != ReportProblem::kPlace) return;
    // Under its own name, which nobody knows before it is read: every report is tried under those that are in it.
    HostReport named;
    const auto take = [&text](std::string_view key) {
        const auto at = text.find("\"" + std::string(key) + "\":\"");
        if (at == std::string_view::npos) return std::string();
        const auto from = text.substr(at + key.size() + 4);
        return std::string(from.substr(0, from.find('"')));
    };
    named.host = take("host");
    named.instance = take("instance");
    const auto report = read_report(text, report_name(named), "prod", kNow);
    if (!report) return;
    const std::string written = format_report(*report);
    if (written.size() > kMaxReportBytes) std::abort();
    const auto again = read_report(written, report_name(*report), "prod", kNow);
    if (!again || again->host != report->host ||
        again->written_wall_us / core::kSecond != report->written_wall_us / core::kSecond)
        std::abort();
    FleetReports fleet;
    fleet.reports = {*report, *report};
    const FleetView view = judge_fleet(std::make_shared<const FleetReports>(std::move(fleet)), kNow);
    if (view.fresh.size() + view.stale.size() != 2) std::abort();
}

void list(std::string_view text) {
    const auto page = read_list_reply(text);
    if (!page) return;
    if (page->objects.size() > kMaxListedObjects) std::abort();
    for (const auto& object : page->objects) {
        if (object.key.empty()) std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = core::as_text({data, size});
    judge(text);
    list(text);
    return 0;
}
