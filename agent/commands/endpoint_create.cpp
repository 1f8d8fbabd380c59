// SPDX-License-Identifier: Apache-2.0
// `postern endpoint create`: the plan, the security group, the endpoint.
#include <fmt/format.h>

#include "agent/account/endpoint_progress.h"
#include "agent/client/console.h"
#include "agent/commands/endpoint_command.h"
#include "agent/text/terminal.h"
#include "agent/text/values.h"

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
};

/// The location from the metadata service; the user has to give what is missing.
HostPlace look_where(EndpointRun& run) {
    HostPlace out;
    if (const auto identity = run.session.identity()) {
        out.region = identity->region;
        out.zone = identity->zone;
        out.vpc = identity->vpc;
        // Elsewhere these would time out, too, one second each.
        out.vswitch = run.session.metadata("vswitch-id").value_or("");
        out.vpc_cidr = run.session.metadata("vpc-cidr-block").value_or("");
    }
    if (!run.session.region().empty()) out.region = run.session.region();
    return out;
}

Result<Creation> make_plan(EndpointRun& run) {
    const HostPlace here = look_where(run);
    const auto services = run.cloud.services(other_region_of(run.command.wish.service, here.region));
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
        endpoint.report.zones = std::move(*zones);
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
    // A range of addresses is in no group.
    return plan_group(plan, given, own, {plan.open_to, std::vector<std::string>{}, run.cloud.prefix_lists(one)});
}

std::string group_line(const CreateCall& c) {
    switch (c.group.step) {
        case Step::kUse:
            return c.group.id + ": " + c.group.note;
        case Step::kOpen:
            return c.group.id + ", to be opened: TCP 443 from " + c.plan.open_to.text();
        case Step::kCreate:
            break;
    }
    return fmt::format("to be made: {}, TCP 443 from {}", kOwnGroupName, c.plan.open_to.text());
}

void show_plan(const CreateCall& c) {
    fmt::print(stderr, "service  {}  {}\nvpc      {}\nzone     {}  {}\ngroup    {}\nname     {}\n",
               printable(c.plan.service.id), printable(c.plan.service.name), c.plan.vpc, c.plan.zone, c.plan.vswitch,
               printable(group_line(c)), printable(c.plan.name));
}

Json plan_json(const CreateCall& c) {
    static constexpr const char* kSteps[] = {"use", "open", "create"};
    return {{"service", c.plan.service.name},
            {"service_id", c.plan.service.id},
            {"vpc", c.plan.vpc},
            {"zone", c.plan.zone},
            {"vswitch", c.plan.vswitch},
            {"name", c.plan.name},
            {"open_to", c.plan.open_to.text()},
            {"security_group",
             {{"step", kSteps[static_cast<int>(c.group.step)]}, {"id", c.group.id}, {"note", c.group.note}}},
            {"client_token", c.token}};
}

/// The group's ID, ready to be attached.
Result<std::string> prepare_group(EndpointRun& run, const CreateCall& c) {
    if (c.group.step == Step::kUse) return c.group.id;
    std::string id = c.group.id;
    if (c.group.step == Step::kCreate) {
        auto made = run.cloud.create_group(c.plan.vpc, c.token);
        if (!made) return core::fail(std::move(made.error()));
        id = std::move(*made);
    }
    if (const auto opened = run.cloud.open_port(id, c.plan.open_to); !opened) return core::fail(opened.error());
    return id;
}

/// If there was no answer, it is unknown whether the endpoint was made.
bool outcome_unknown(core::Code code) {
    using core::Code;
    return code == Code::kTimeout || code == Code::kHttpFailed || code == Code::kApiUnavailable ||
           code == Code::kApiBadReply || code == Code::kCancelled;
}

int tell(EndpointRun& run, const CreateCall& c, const std::optional<WaitResult>& waited) {
    const auto progress = progress_of(c.endpoint.report);
    const std::string& id = c.endpoint.report.endpoint_id;
    const std::string next = waited                  ? advice_after(*waited, run.command, id)
                             : progress.next.empty() ? ""
                                                     : progress.next + "; then " + wait_command(run.command, id);
    const std::string block = link_advice(run.config, c.endpoint);
    if (run.command.json) {
        print_json({{"dry_run", run.command.dry_run},
                    {"created", !c.existed},
                    {"existed", c.existed},
                    {"plan", plan_json(c)},
                    {"endpoint", to_json(c.endpoint)},
                    {"next", next},
                    {"link", block}});
    } else {
        print(fmt::format("{} {}: {}\n{}\n{}", id, c.existed ? "is there already" : "is made",
                          printable(progress.stage), next.empty() ? "" : "next     " + printable(next) + "\n", block));
    }
    using End = WaitResult::End;
    if (!waited || waited->end == End::kConnected) return kExitGood;
    if (waited->not_seen) {
        const std::string limit = format_duration(run.command.timeout_us);
        const std::string unknown = not_known("it is connected", limit, *waited->not_seen);
        complain(run.name, id + " is created; " + unknown);
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
        error.hint +=
            (error.hint.empty() ? "" : "; ") + id + " exists; to continue waiting: " + wait_command(run.command, id);
        return fail_command(run, error);
    }
    return tell(run, c, *waited);
}

int dry_run(EndpointRun& run, const CreateCall& c) {
    const auto passed = run.cloud.create(c.plan, c.group.id, "", true);
    if (!passed) return fail_command(run, passed.error());
    const std::string left_out = c.group.id.empty() ? ", without the security group, which is not created yet" : "";
    if (run.command.json) {
        print_json({{"dry_run", true}, {"created", false}, {"existed", false}, {"plan", plan_json(c)}});
    } else {
        print("the API would make it" + left_out + "; nothing was changed\n");
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
    if (!run.command.yes && !ask("make it? Alibaba Cloud bills endpoints").value_or(true)) {
        return fail_command(run, core::Error{core::Code::kUsage, "not confirmed; nothing was created", {}, 0});
    }

    auto prepared = prepare_group(run, c);
    if (!prepared) return fail_command(run, prepared.error());
    c.group.id = std::move(*prepared);
    auto made = run.cloud.create(c.plan, c.group.id, c.token, false);
    if (!made) {
        core::Error error = std::move(made.error());
        if (outcome_unknown(error.code)) {
            error.hint += (error.hint.empty() ? "" : "; ") +
                          std::string("whether it was created is not known: the same command with --client-token ") +
                          c.token + " creates no second one";
        }
        return fail_command(run, error);
    }
    c.endpoint = std::move(**made);
    return finish(run, c);
}

}  // namespace postern::agent
