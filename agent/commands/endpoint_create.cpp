// SPDX-License-Identifier: Apache-2.0
// `postern endpoint create`: the plan, the security group, the endpoint.
#include <fmt/format.h>

#include "agent/account/endpoint_progress.h"
#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/endpoint_change.h"
#include "agent/text/terminal.h"
#include "agent/text/values.h"
#include "core/text.h"

namespace postern::agent {
namespace {

using core::Result;
using Step = GroupChoice::Step;

/// The state of one create; for texts, JSON and errors.
struct CreateCall {
    Creation plan;
    GroupChoice group;
    std::string token;
    EndpointInfo endpoint;
    bool existed = false;
    std::string made_group;   // by this run; "": none
    bool group_lost = false;  // its making had no answer
};

Result<Creation> make_plan(EndpointRun& run) {
    const HostPlace here = host_place(run);
    const auto services = run.cloud.services(service_region_of(run.command.wish, here.region));
    if (!services) return core::fail(services.error());
    auto plan = plan_endpoint(run.command.wish, here, *services);
    if (plan || plan.error().code != core::Code::kApiRejected) return plan;
    HostPlace with_account = here;  // only this refusal names the account
    with_account.account = run.cloud.account();
    return plan_endpoint(run.command.wish, with_account, *services);
}

Result<std::optional<EndpointInfo>> find_existing(EndpointRun& run, const Creation& plan) {
    auto found = run.cloud.endpoints(plan.vpc, plan.service.name);
    if (!found) return core::fail(std::move(found.error()));
    for (auto& endpoint : *found) {
        auto zones = run.cloud.zones(endpoint.report.endpoint_id);
        if (!zones && zones.error().code == core::Code::kApiNotFound) continue;  // deleted meanwhile
        if (!zones) return core::fail(std::move(zones.error()));
        endpoint.set_zones(std::move(*zones));
    }
    const EndpointInfo* there = already_there(plan, *found);
    return there != nullptr ? std::optional<EndpointInfo>(*there) : std::nullopt;
}

Result<GroupChoice> choose_group(EndpointRun& run, const Creation& plan) {
    std::optional<SecurityGroup> given, own;
    if (const std::string& id = run.command.wish.security_group; !id.empty()) {
        auto group = run.cloud.security_group(id);
        if (!group) return core::fail(std::move(group.error()));
        given = std::move(*group);
    } else {
        auto group = run.cloud.own_group(plan.vpc);
        if (!group) return core::fail(std::move(group.error()));
        own = std::move(*group);
    }
    std::vector<SecurityGroup> one;
    if (given || own) one.push_back(given ? *given : *own);
    return plan_group(plan, given, own, run.cloud.prefix_lists(one));
}

std::string ranges_text(const std::vector<core::IpPrefix>& ranges) {
    return core::joined(ranges, [](const core::IpPrefix& range) { return range.text(); });
}

core::Message group_line(const CreateCall& c) {
    switch (c.group.step) {
        case Step::kUse:
            return core::message("{}: {}", c.group.id, c.group.note);
        case Step::kOpen:
            return c.group.note.empty()
                       ? core::message("{}, to be opened: TCP 443 from {}", c.group.id, ranges_text(c.group.open))
                       : core::message("{}, to be opened: TCP 443 from {}; {}", c.group.id, ranges_text(c.group.open),
                                       c.group.note);
        case Step::kCreate:
            break;
    }
    return core::message("to be made: {}, TCP 443 from {}", std::string(kOwnGroupName), ranges_text(c.group.open));
}

void show_plan(const CreateCall& c) {
    std::string out;
    const auto row = [&out](const core::Message& line) { out += printable(told(line)) + "\n"; };
    row(core::message("service  {}  {}", c.plan.service.id, c.plan.service.name));
    row(core::message("vpc      {}", c.plan.vpc));
    for (const auto& zone : c.plan.zones)
        row(core::message("zone     {}", zone_wish_text(zone)));
    row(core::message("group    {}", group_line(c)));
    row(core::message("name     {}", c.plan.name));
    if (c.plan.dual_stack) row("stack    IPv4 and IPv6");
    if (!c.plan.service_region.empty()) row(core::message("region   of the service: {}", c.plan.service_region));
    // With affinity the endpoint's domain names one address to each asker: the others are missing when it fails.
    if (c.plan.zone_affinity)
        row("affinity on: the endpoint's domain gives each host the address of its own zone alone");
    print_note(out);
}

Json plan_json(const CreateCall& c) {
    static constexpr const char* kSteps[] = {"use", "open", "create"};
    Json zones = Json::array();
    for (const auto& zone : c.plan.zones) {
        zones.push_back({{"zone", zone.zone},
                         {"vswitch", zone.vswitch},
                         {"ipv4", zone.ipv4 ? Json(zone.ipv4->text()) : Json()},
                         {"ipv6", zone.ipv6 ? Json(zone.ipv6->text()) : Json()}});
    }
    return {{"service", c.plan.service.name},
            {"service_id", c.plan.service.id},
            {"service_region", c.plan.service_region},
            {"vpc", c.plan.vpc},
            {"zone", c.plan.zones.front().zone},
            {"vswitch", c.plan.zones.front().vswitch},
            {"zones", zones},
            {"name", c.plan.name},
            {"ip_version", c.plan.dual_stack ? "DualStack" : "IPv4"},
            {"zone_affinity", c.plan.zone_affinity},
            {"open_to", ranges_text(c.plan.open_to)},
            {"security_group",
             {{"step", kSteps[static_cast<int>(c.group.step)]}, {"id", c.group.id}, {"note", c.group.note.text()}}},
            {"client_token", c.token}};
}

/// The group's ID, ready to be attached.
Result<std::string> prepare_group(EndpointRun& run, CreateCall& c) {
    if (c.group.step == Step::kUse) return c.group.id;
    std::string id = c.group.id;
    if (c.group.step == Step::kCreate) {
        auto made = run.cloud.create_group(c.plan.vpc, c.token);
        c.group_lost = !made && outcome_unknown(made.error().code);
        if (!made) return core::fail(std::move(made.error()));
        id = c.made_group = std::move(*made);
    }
    for (const auto& range : c.group.open) {
        if (const auto opened = run.cloud.open_port(id, range); !opened) return core::fail(opened.error());
    }
    return id;
}

/// What a failed create leaves behind, and how to remove it.
core::Message left_behind(const EndpointRun& run, const CreateCall& c) {
    if (c.group_lost)
        return core::message("whether a security group {} was made is not known: the next create finds it",
                             std::string(kOwnGroupName));
    if (c.made_group.empty()) return {};
    return core::message("security group {} was made and stays, at no cost: the next create uses it; to delete it: {}",
                         c.made_group, remove_group_command(run.command, c.made_group));
}

int fail_create(const EndpointRun& run, const CreateCall& c, core::Error error) {
    if (core::Message left = left_behind(run, c); !left.empty()) core::add_sentence(error.hint, std::move(left));
    return fail_command(run, error);
}

int tell(EndpointRun& run, const CreateCall& c, const std::optional<WaitResult>& waited) {
    const auto progress = progress_of(c.endpoint.report);
    const std::string& id = c.endpoint.report.endpoint_id;
    const core::Message next = waited ? advice_after(*waited, run.command, id)
                               : progress.next.empty()
                                   ? core::Message()
                                   : core::message("{}; then {}", progress.next, wait_command(run.command, id));
    const core::Message block = link_advice(run.config, c.endpoint);
    if (run.command.json) {
        print_json({{"dry_run", run.command.dry_run},
                    {"created", !c.existed},
                    {"existed", c.existed},
                    {"plan", plan_json(c)},
                    {"endpoint", to_json(c.endpoint)},
                    {"next", next.text()},
                    {"link", block.text()}});
    } else {
        const auto row = [](const core::Message& line) { return printable(told(line)) + "\n"; };
        print(row(c.existed ? core::message("{} is there already: {}", id, progress.stage)
                            : core::message("{} is made: {}", id, progress.stage)) +
              (next.empty() ? "" : row(core::message("next     {}", next))) + "\n" + told(block));
    }
    using End = WaitResult::End;
    if (!waited || waited->end == End::kConnected) return kExitGood;
    if (waited->not_seen) {
        const std::string limit = format_duration(run.command.timeout_us);
        const core::Message unknown = not_known("it is connected", limit, *waited->not_seen);
        const core::Message what = core::message("{} is created; {}", id, unknown);
        complain(run.name, what);
        return kExitFailed;
    }
    complain(run.name,
             waited->end == End::kInterrupted ? "interrupted while waiting" : "it is created, but not connected");
    return waited->end == End::kInterrupted ? kExitUnknown : kExitFailed;
}

int finish(EndpointRun& run, CreateCall& c) {
    if (!run.command.wait || run.command.dry_run) return tell(run, c, std::nullopt);
    const std::string id = c.endpoint.report.endpoint_id;
    auto waited = wait_until_connected(run, &c.endpoint);
    if (!waited) {
        core::Error error = std::move(waited.error());
        core::add_sentence(error.hint,
                           core::message("{} exists; to continue waiting: {}", id, wait_command(run.command, id)));
        return fail_command(run, error);
    }
    return tell(run, c, *waited);
}

int dry_run(EndpointRun& run, const CreateCall& c) {
    const auto passed = run.cloud.create(c.plan, c.group.id, "", true);
    if (!passed) return fail_command(run, passed.error());

    if (run.command.json) {
        print_json({{"dry_run", true}, {"created", false}, {"existed", false}, {"plan", plan_json(c)}});
    } else {
        print(told(c.group.id.empty() ? "the API would make it, without the security group, which is not created yet; "
                                        "nothing was changed"
                                      : "the API would make it; nothing was changed") +
              "\n");
    }
    return kExitGood;
}

}  // namespace

int create_endpoint(EndpointRun& run) {
    CreateCall c;
    auto plan = make_plan(run);
    if (!plan) return fail_command(run, plan.error());
    c.plan = std::move(*plan);
    auto existing = find_existing(run, c.plan);
    if (!existing) return fail_command(run, existing.error());
    if (*existing) {
        if (const auto serves = serves_plan(c.plan, **existing); !serves) return fail_command(run, serves.error());
        c.existed = true;
        c.endpoint = std::move(**existing);
        return finish(run, c);
    }
    auto group = choose_group(run, c.plan);
    if (!group) return fail_command(run, group.error());
    c.group = std::move(*group);
    c.token = run.command.client_token.empty() ? new_client_token(run.session) : run.command.client_token;
    show_plan(c);
    if (run.command.dry_run) return dry_run(run, c);
    // In a script, calling it is the consent; on a terminal, show what will be billed.
    if (!run.command.yes && !ask(told("make it? Alibaba Cloud bills endpoints")).value_or(true)) {
        return fail_command(run, core::Error{core::Code::kUsage, "not confirmed; nothing was created", {}, 0});
    }

    auto prepared = prepare_group(run, c);
    if (!prepared) return fail_create(run, c, std::move(prepared.error()));
    c.group.id = std::move(*prepared);
    auto made = run.cloud.create(c.plan, c.group.id, c.token, false);
    if (!made) {
        core::Error error = std::move(made.error());
        if (outcome_unknown(error.code)) {
            core::add_sentence(error.hint, core::message("whether it was created is not known: the same command with "
                                                         "--client-token {} creates no second one",
                                                         c.token));
        }
        return fail_create(run, c, std::move(error));
    }
    c.endpoint = std::move(**made);
    return finish(run, c);
}

}  // namespace postern::agent
