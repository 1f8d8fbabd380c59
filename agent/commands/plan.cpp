// SPDX-License-Identifier: Apache-2.0
// `postern plan show` and `postern plan compile`.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/cli.h"
#include "agent/config/paths.h"
#include "agent/hostdns/host_system.h"
#include "agent/steering/plan_compiler.h"
#include "agent/text/dns_text.h"
#include "agent/text/terminal.h"
#include "agent/text/values.h"
#include "core/file_system.h"
#include "core/plan.h"
#include "core/text.h"

namespace postern::agent {

namespace {

using core::PlanFault;
using core::PlanView;
using Json = nlohmann::ordered_json;

/// What is wrong with the file, and the fix.
core::Error explain_fault(PlanFault fault, const std::string& path) {
    const char* what = "";
    switch (fault) {
        case PlanFault::kNone:
            break;
        case PlanFault::kMissing:
            return {core::Code::kFileMissing, core::message("there is no plan at {}", path),
                    "the agent writes it at its start: systemctl start postern; or give a file", 0};
        case PlanFault::kUnreadable:
            return {core::Code::kFileUnreadable, core::message("can't read {}", path),
                    "it belongs to postern:postern-dns: run this as root", 0};
        case PlanFault::kTooShort:
            what = "it is cut off";
            break;
        case PlanFault::kTooLarge:
            what = "it is larger than 64 MiB";
            break;
        case PlanFault::kBadMagic:
            what = "it does not begin like a plan";
            break;
        case PlanFault::kBadVersion:
            what = "this program does not read its version";
            break;
        case PlanFault::kBadSize:
            what = "its size differs from its header";
            break;
        case PlanFault::kBadChecksum:
            what = "its checksum is wrong: a byte was changed";
            break;
        case PlanFault::kBadSection:
        case PlanFault::kBadRecord:
            what = "its contents contradict each other";
            break;
        case PlanFault::kBadName:
            what = "a name in it is not a DNS name";
            break;
    }
    return {core::Code::kPlanInvalid,
            core::message("{} is not a valid plan: {} ({})", path, what, core::to_string(fault)),
            "the resolver refuses it, too, and keeps the previous one; the agent writes a new one: systemctl "
            "restart postern",
            0};
}

std::string owner_text(const PlanView& plan, const core::OwnerView& owner) {
    std::string out = fmt::format("\n{}  {}\n", name_text(owner.name),
                                  told(core::message("link {}", printable(plan.links[owner.link].name))));
    if (!owner.ready) out += "  " + told("no addresses known yet: SERVFAIL (not ready)") + "\n";
    for (std::uint32_t i = 0; i < owner.rrset_count; ++i) {
        const auto& rrset = plan.rrsets[owner.first_rrset + i];
        const auto fresh = plan_records(rrset.fresh), stale = plan_records(rrset.stale);
        if (rrset.type == core::kTypeAny || rrset.type == 6) continue;
        out += fmt::format("  {:<5} {}\n", type_text(rrset.type), core::joined(fresh));
        if (stale != fresh)
            out += fmt::format("  {:<5} {}  {}\n", "", core::joined(stale), told("(once the verdicts are too old)"));
    }
    if (!owner.explain.empty()) out += fmt::format("  {} {}\n", pad(told("why"), 5), printable(owner.explain));
    return out;
}

/// The links whose names are not in the plan: they are forwarded, and only verified.
std::vector<std::string> verify_only(const PlanView& plan) {
    std::vector<bool> answered(plan.links.size());
    for (const auto& owner : plan.owners)
        answered[owner.link] = true;
    std::vector<std::string> out;
    for (std::size_t i = 0; i < plan.links.size(); ++i) {
        if (!answered[i]) out.emplace_back(plan.links[i].name);
    }
    return out;
}

std::string text_of(const PlanView& plan, const std::string& path) {
    std::string out = fmt::format("{}\n", path);
    const auto row = [&out](const char* key, const core::Message& value) {
        out += fmt::format("{}{}\n", pad(told(key), 12), told(value));
    };
    row("generation", core::message("{} (start {}, publication {})", plan.generation, plan.generation >> 32,
                                    plan.generation & 0xffffffffu));
    const bool same_boot = plan.boot_id == core::boot_id();
    const core::Message made = core::format_time(plan.created_wall_us);
    row("made", same_boot ? made : core::message("{}, before the last boot: its verdicts don't count", made));
    row("listen", core::joined(plan.listen, [](const auto& a) { return a.text(); }));
    row("allow", core::joined(plan.allow, [](const auto& p) { return p.text(); }));
    row("upstreams", plan.upstreams.empty()
                         ? core::Message("none")
                         : core::Message(core::joined(plan.upstreams, [](const auto& u) { return u.address.text(); })));
    const auto& s = plan.settings;
    row("limits",
        core::message(
            "cache {} MiB, stale answers for {}, {} ms for silent upstreams, {} ms for slow ones, {} questions at once",
            s.cache_bytes >> 20, format_duration(static_cast<Micros>(s.serve_stale_s) * core::kSecond),
            s.upstream_budget_ms, s.client_patience_ms, s.max_inflight));
    if (s.query_log_sample != 0) row("query log", core::message("1 of {} queries", s.query_log_sample));
    if (s.trust_ad != 0) row("AD", "of the upstreams is handed on");
    for (const auto& owner : plan.owners)
        out += owner_text(plan, owner);
    for (const auto& link : verify_only(plan))
        out += "\n" + told(core::message("link {}  verify only: its name is forwarded", printable(link))) + "\n";
    if (plan.owners.empty()) out += "\n" + told("no private names: everything is forwarded") + "\n";
    return out;
}

std::string json_of(const PlanView& plan, const std::string& path) {
    Json owners = Json::array(), listen = Json::array(), allow = Json::array(), upstreams = Json::array();
    for (const auto& a : plan.listen)
        listen.push_back(a.text());
    for (const auto& p : plan.allow)
        allow.push_back(p.text());
    for (const auto& u : plan.upstreams)
        upstreams.push_back({{"id", u.id}, {"address", u.address.text()}});
    for (const auto& owner : plan.owners) {
        Json rrsets = Json::array();
        for (std::uint32_t i = 0; i < owner.rrset_count; ++i) {
            const auto& r = plan.rrsets[owner.first_rrset + i];
            rrsets.push_back(
                {{"type", type_text(r.type)}, {"fresh", plan_records(r.fresh)}, {"stale", plan_records(r.stale)}});
        }
        owners.push_back({{"name", name_text(owner.name)},
                          {"link", plan.links[owner.link].name},
                          {"ready", owner.ready},
                          {"verdicts_until_mono_us", owner.verdicts_until},
                          {"explain", std::string(owner.explain)},
                          {"rrsets", std::move(rrsets)}});
    }
    const auto& s = plan.settings;
    const Json out = {{"schema_version", 1},
                      {"file", path},
                      {"generation", plan.generation},
                      {"boot_id", plan.boot_id},
                      {"created", core::format_utc(plan.created_wall_us)},
                      {"settings",
                       {{"cache_bytes", s.cache_bytes},
                        {"serve_stale_s", s.serve_stale_s},
                        {"upstream_budget_ms", s.upstream_budget_ms},
                        {"client_patience_ms", s.client_patience_ms},
                        {"max_inflight", s.max_inflight},
                        {"tcp_max_clients", s.tcp_max_clients},
                        {"tcp_idle_ms", s.tcp_idle_ms},
                        {"max_udp_payload", s.max_udp_payload},
                        {"forward_test", s.forward_test},
                        {"query_log_sample", s.query_log_sample},
                        {"trust_ad", s.trust_ad}}},
                      {"listen", std::move(listen)},
                      {"allow", std::move(allow)},
                      {"upstreams", std::move(upstreams)},
                      {"owners", std::move(owners)},
                      {"verify_only", verify_only(plan)}};
    return core::printable_json(out.dump(2, ' ', false, Json::error_handler_t::replace)) + "\n";
}

int show(const std::string& path, bool json) {
    const auto plan = PlanView::load(path);
    if (!plan) {
        complain("plan show", explain_fault(plan.error(), path));
        return plan.error() == PlanFault::kMissing || plan.error() == PlanFault::kUnreadable ? kExitUnknown
                                                                                             : kExitFailed;
    }
    json ? print_data(json_of(*plan, path)) : print(text_of(*plan, path));
    return kExitGood;
}

}  // namespace

int run_command(const PlanShowCommand& command) {
    if (!command.file.empty()) return show(command.file, command.json);
    const auto config = config_or_complain("plan show", command.config);
    if (!config) return kExitUnknown;
    const Paths paths = paths_of(config->agent);
    // The current one is the resolver's first choice; after a boot there is only the durable one.
    const auto current = PlanView::load(paths.current_plan);
    if (!current && current.error() == PlanFault::kMissing && PlanView::load(paths.durable_plan))
        return show(paths.durable_plan, command.json);
    return show(paths.current_plan, command.json);
}

int run_command(const PlanCompileCommand& command) {
    const auto config = config_or_complain("plan compile", command.config);
    if (!config) return kExitUnknown;
    const auto bytes = compile_offline(*config, *HostSystem::real());
    if (!bytes) {
        complain("plan compile", bytes.error());
        return kExitFailed;
    }
    if (const auto written = core::write_file(command.out, *bytes, 0640, true); !written) {
        complain("plan compile", written.error());
        return kExitFailed;
    }
    const auto plan = PlanView::parse(*bytes);
    if (!plan) {
        complain("plan compile", explain_fault(plan.error(), command.out));
        return kExitFailed;
    }
    std::size_t waiting = 0;
    for (const auto& owner : plan->owners)
        waiting += owner.ready ? 0 : 1;
    print(told(core::message("{}: plan {} with {} names, {} bytes", command.out, generation_text(plan->generation),
                             plan->owners.size(), bytes->size())) +
          "\n");
    if (const auto verified = verify_only(*plan); !verified.empty())
        print(told(core::message("verify only, so their names are forwarded: {}", core::joined(verified))) + "\n");
    if (waiting == 0) return kExitGood;
    complain(
        "plan compile",
        core::message("{} of them have no address yet (they answer SERVFAIL): only the running agent can ask the cloud",
                      waiting));
    return kExitWarning;
}

}  // namespace postern::agent
