// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/fleet_route.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "agent/fleet/fleet_watch.h"
#include "agent/serving/fault_json.h"
#include "agent/serving/fleet_json.h"
#include "agent/serving/page_fleet.h"
#include "agent/serving/page_reply.h"
#include "agent/status/fleet_state.h"

namespace postern::agent {
namespace {

HttpReply no_fleet() {
    return HttpReply::text(404, "404: this host does not report to a fleet: set report_url in [fleet]\n");
}

HttpReply json_of(const ServedFleet& fleet) {
    const FleetWatch& watch = *fleet.watch;
    if (!watch.reports()) {
        const Json out = {{"schema_version", 1},
                          {"fleet", fleet.name},
                          {"overall", to_string(Overall::kUnknown)},
                          {"error", watch.problem() ? error_json(*watch.problem(), 0) : Json(nullptr)}};
        return HttpReply::json(503, out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
    }
    const FleetView view = judge_fleet(watch.reports(), fleet.now_wall_us);
    HttpReply reply = HttpReply::json(200, fleet_json(view, watch.problem()));
    reply.headers.emplace_back("X-Postern-Overall", overall_header(overall_of(view)));
    return reply;
}

/// Waits for the first reading.
class Waiting final : public HttpWork {
  public:
    Waiting(ServedAgent& agent, std::function<void(HttpReply)> deliver) : deliver_(std::move(deliver)) {
        agent.fleet().watch->when_read(alive_, [this, &agent] { deliver_(json_of(agent.fleet())); });
    }

  private:
    std::function<void(HttpReply)> deliver_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

HttpReply answer_json(ServedAgent& agent) {
    const ServedFleet fleet = agent.fleet();
    if (fleet.watch == nullptr) return no_fleet();
    fleet.watch->look();
    if (!fleet.watch->waits()) return json_of(fleet);
    HttpReply reply;
    reply.later = [&agent](std::function<void(HttpReply)> deliver) -> std::unique_ptr<HttpWork> {
        return std::make_unique<Waiting>(agent, std::move(deliver));
    };
    return reply;
}

HttpReply answer_page(const HttpQuery& query, ServedAgent& agent) {
    const ServedFleet fleet = agent.fleet();
    if (fleet.watch == nullptr) return no_fleet();
    fleet.watch->look();
    const std::string language = query.header("accept-language");
    std::optional<FleetView> view;
    if (fleet.watch->reports()) view = judge_fleet(fleet.watch->reports(), fleet.now_wall_us);
    const FleetView* shown = view ? &*view : nullptr;
    return plain_reply(query, fleet_head(shown, fleet.name, language),
                       fleet_content(shown, fleet.name, fleet.watch->problem(), language));
}

}  // namespace

std::vector<HttpRoute> fleet_routes(ServedAgent& a) {
    return {{"/fleet", false, "GET", [&a](const HttpQuery& q) { return answer_page(q, a); }},
            {"/api/v1/fleet", false, "GET", [&a](const HttpQuery&) { return answer_json(a); }},
            {"/api/v1/report", false, "GET", [&a](const HttpQuery&) {
                 const std::string report = a.own_report();
                 return report.empty() ? HttpReply::text(503, "503: there is no status to report yet\n")
                                       : HttpReply::json(200, report);
             }}};
}

}  // namespace postern::agent
