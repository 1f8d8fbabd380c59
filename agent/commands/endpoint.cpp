// SPDX-License-Identifier: Apache-2.0
// `postern endpoint …`: dispatch, and shared functions.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "agent/account/endpoint_progress.h"
#include "agent/account/operation_error.h"
#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/endpoint_command.h"
#include "agent/text/terminal.h"
#include "core/log.h"
#include "core/secret.h"

namespace postern::agent {
namespace {

constexpr std::string_view kNames[] = {"services", "list",   "show",   "create",      "wait",
                                       "zone",     "export", "delete", "remove-group"};

/// Before the first endpoint there may be no configuration.
std::optional<Config> config_of(const EndpointCommand& command, const std::string& name) {
    const bool absent = command.config == kDefaultConfigPath && ::access(kDefaultConfigPath, F_OK) != 0;
    if (absent) return Config{};
    return config_or_complain(name, command.config);
}

bool only_not_asked(core::Code code) {
    using core::Code;
    return code == Code::kUsage || code == Code::kCancelled;
}

}  // namespace

int run_command(const EndpointCommand& command) {
    const std::string name = "endpoint " + std::string(kNames[static_cast<int>(command.verb)]);
    const auto config = config_of(command, name);
    if (!config) return kExitUnknown;
    core::configure_log(core::Level::kWarning, core::LogFormat::kText);  // the command prints its own progress
    const Interruptible interruptible;
    CloudSession session(*config, command.region, upstreams_of(*config),
                         [&interruptible] { return interruptible.interrupted(); });
    EndpointCloud cloud(session);
    EndpointRun run{command, name, *config, session, cloud};
    using Verb = EndpointCommand::Verb;
    switch (command.verb) {
        case Verb::kServices:
            return list_services(run);
        case Verb::kList:
            return list_endpoints(run);
        case Verb::kShow:
            return show_endpoint(run);
        case Verb::kCreate:
            return create_endpoint(run);
        case Verb::kWait:
            return wait_for_endpoint(run);
        case Verb::kZone:
            return change_zone(run);
        case Verb::kExport:
            return export_zones(run);
        case Verb::kDelete:
            return delete_endpoint(run);
        case Verb::kRemoveGroup:
            return remove_group(run);
    }
    return kExitUnknown;
}

int fail_command(const EndpointRun& run, const core::Error& error, int failed, const Json& more) {
    if (run.command.json) {
        Json body = {{"error", error_json(run, error)}};
        if (more.is_object()) body.update(more);
        print_json(std::move(body));
    }
    tell_failure(run.name, error);
    return only_not_asked(error.code) ? kExitUnknown : failed;
}

void tell_failure(const std::string& name, const core::Error& error) {
    core::Error shown = error;
    shown.hint.clear();
    complain(name, shown.whole());
    if (!only_not_asked(error.code)) print_note(told(core::message("  owner: {}", owner_of(error))) + "\n");
    print_next(error.hint);
}

void print_json(Json body) {
    Json out = {{"schema_version", 1}};
    out.update(body);
    print_data(core::printable_json(out.dump(2, ' ', false, Json::error_handler_t::replace)) + "\n");
}

Json error_json(const EndpointRun& run, const core::Error& error) {
    return error_json(error, run.refusal.value_or(run.session.refusal()));
}

Json error_json(const core::Error& error, const ApiError& refusal) {
    return {{"code", core::to_string(error.code)}, {"api_code", refusal.code},
            {"request_id", refusal.request_id},    {"what", core::redact(error.what)},
            {"owner", owner_of(error).text()},     {"next", core::redact(error.hint)}};
}

core::Message not_known(const core::Message& what, const std::string& limit, const core::Error& error) {
    core::Error shown = error;
    shown.hint.clear();
    return core::message("whether {} after {} is not known: {}", what, limit, shown.whole());
}

Json to_json(const EndpointInfo& info) {
    const EndpointReport& r = info.report;
    Json zones = Json::array();
    for (const auto& zone : r.zones) {
        zones.push_back({{"zone", zone.zone_id},
                         {"status", zone.status},
                         {"ipv4", zone.ipv4 ? Json(zone.ipv4->text()) : Json()},
                         {"ipv6", zone.ipv6 ? Json(zone.ipv6->text()) : Json()},
                         {"domain", zone.domain}});
    }
    Json tags = info.tags ? Json::object() : Json();
    for (const auto& [key, value] : info.tags.value_or(std::vector<std::pair<std::string, std::string>>{}))
        tags[key] = value;
    const auto progress = progress_of(r);
    return {{"id", r.endpoint_id},
            {"name", info.name},
            {"status", r.status},
            {"connection", r.connection_status},
            {"business", r.business_status},
            {"service", r.service_name},
            {"service_id", info.service_id},
            {"vpc", info.vpc},
            {"domain", r.domain},
            {"created", info.created},
            {"ip_version", info.ip_version},
            {"zone_affinity", info.zone_affinity ? Json(*info.zone_affinity) : Json()},
            {"service_region", info.service_region},
            {"bandwidth", info.bandwidth ? Json(*info.bandwidth) : Json()},
            {"resource_group", info.resource_group},
            {"tags", tags},
            {"zones", zones},
            {"connected", progress.outcome == EndpointProgress::Outcome::kConnected},
            {"next", progress.next.text()}};
}

core::Message link_advice(const Config& config, const EndpointInfo& info) {
    const std::string& id = info.report.endpoint_id;
    for (const auto& link : config.links) {
        for (const auto& endpoint : link.endpoints) {
            if (endpoint == id) return core::message("link {} of {} uses it already\n", link.name, config.path);
        }
    }
    return core::message("# paste into {}; {}\n{}", config.path.empty() ? std::string(kDefaultConfigPath) : config.path,
                         private_name_step(), link_block(info.name, id));
}

ProgressLine::ProgressLine() : terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
    if (terminal_) print_note("\r\033[K");
}

void ProgressLine::show(const core::Message& text, const core::Message& since) {
    const std::string line = printable(told(text));
    if (terminal_) print_note("\r\033[K");
    if (line != last_) print_note(line + "\n");
    if (terminal_) print_note(told(core::message("waiting {}", since)));
    std::fflush(stderr);
    last_ = line;
}

std::string place_options(const EndpointCommand& command) {
    return (command.config == kDefaultConfigPath ? "" : " --config " + command.config) +
           (command.region.empty() ? "" : " --region " + command.region);
}

std::string wait_command(const EndpointCommand& command, const std::string& endpoint) {
    return "postern endpoint wait " + endpoint + place_options(command);
}

bool outcome_unknown(core::Code code) {
    using core::Code;
    return code == Code::kTimeout || code == Code::kHttpFailed || code == Code::kApiUnavailable ||
           code == Code::kApiBadReply || code == Code::kCancelled;
}

HostPlace host_place(EndpointRun& run) {
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

void print_next(const core::Message& next) {
    if (!next.empty()) print_note(core::redact(printable(told(core::message("  next:  {}", next)))) + "\n");
}

std::string new_client_token(CloudSession& session) {
    return session.random().hex(32);
}

}  // namespace postern::agent
