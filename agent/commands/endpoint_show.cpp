// `postern endpoint show`: one endpoint, and whether its security groups let this host in.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include "agent/commands/common.h"
#include "agent/commands/endpoint_command.h"
#include "agent/endpoint_progress.h"
#include "agent/terminal.h"
#include "core/fd.h"

namespace postern::agent {
namespace {

using core::IpAddress;

/// The address that this host would come from: what its routes choose. Nothing is sent.
std::optional<IpAddress> route_source(const IpAddress& to) {
    const core::UniqueFd fd(::socket(to.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_storage address;
    const socklen_t size = core::SocketAddress{to, kEndpointPort}.to(&address);
    if (fd.get() < 0 || ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0)
        return std::nullopt;
    socklen_t length = sizeof address;
    if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) return std::nullopt;
    const auto own = core::SocketAddress::from(reinterpret_cast<sockaddr*>(&address));
    return own ? std::optional(own->ip) : std::nullopt;
}

/// Of this host, for the endpoint's first address of that family.
std::optional<IpAddress> source_for(EndpointRun& run, const EndpointInfo& info) {
    if (run.command.from) return run.command.from;
    for (const auto& zone : info.report.zones) {
        for (const auto& ip : {zone.ipv4, zone.ipv6}) {
            if (const auto own = ip ? route_source(*ip) : std::nullopt) return own;
        }
    }
    const auto told = run.session.metadata("private-ipv4");
    return told ? IpAddress::parse(*told) : std::nullopt;
}

/// The security groups of this host, where the metadata service tells; for another address nobody does.
std::optional<std::vector<std::string>> own_groups(EndpointRun& run) {
    if (run.command.from) return std::nullopt;
    const auto text = run.session.metadata("security-groups");
    if (!text) return std::nullopt;
    std::vector<std::string> out;
    std::string word;
    for (const char c : *text + "\n") {
        if (c != '\n' && c != '\r' && c != ' ' && c != ',') {
            word += c;
        } else if (!word.empty()) {
            if (!is_resource_id(word, "sg-")) return std::nullopt;
            out.push_back(std::exchange(word, {}));
        }
    }
    return out;
}

AccessJudgement judge(EndpointRun& run, const EndpointInfo& info, const std::vector<AttachedGroup>& attached,
                      std::string* from) {
    const auto ip = source_for(run, info);
    if (!ip)
        return {Access::kUnknown,
                "the address that this host would come from is not known: give it with --from"};
    *from = ip->text();
    std::vector<SecurityGroup> groups;
    for (const auto& group : attached) {
        if (group.status != "Attached")
            return {Access::kUnknown, group.id + " is " + group.status + " right now"};
        auto rules = run.cloud.security_group(group.id);
        if (!rules)
            return {Access::kUnknown, "the rules of " + group.id + " can't be read: " + rules.error().text()};
        groups.push_back(std::move(*rules));
    }
    TrafficSource source{
        {*ip, static_cast<std::uint8_t>(ip->size() * 8)}, own_groups(run), run.cloud.prefix_lists(groups)};
    return judge_ingress(groups, source, kEndpointPort);
}

int exit_code(const EndpointProgress& progress, Access access) {
    using Outcome = EndpointProgress::Outcome;
    if (access == Access::kNo || progress.outcome == Outcome::kHopeless) return kExitFailed;
    return progress.outcome == Outcome::kConnected && access == Access::kYes ? kExitGood : kExitWarning;
}

std::string next_step(const EndpointProgress& progress, const AccessJudgement& access,
                      const std::string& from) {
    if (!progress.next.empty()) return progress.next;
    if (access.access == Access::kNo)
        return "add an ingress rule to the security group: TCP 443/443 from " + from;
    if (access.access == Access::kUnknown) return "a probe tells: postern probe --host NAME --address IP";
    return {};
}

}  // namespace

int show_endpoint(EndpointRun& run) {
    const auto info = run.cloud.describe(run.command.endpoint);
    if (!info)
        return fail_command(run, info.error(),
                            info.error().code == core::Code::kApiNotFound ? kExitFailed : kExitUnknown);
    const auto attached = run.cloud.attached_groups(run.command.endpoint);
    std::string from;
    const AccessJudgement access =
        attached ? judge(run, *info, *attached, &from)
                 : AccessJudgement{Access::kUnknown,
                                   "the security groups can't be read: " + attached.error().text()};
    if (run.session.interrupted())
        return fail_command(run, core::Error{core::Code::kCancelled, "interrupted", {}, 0});
    const auto progress = progress_of(info->report);
    const std::string next = next_step(progress, access, from);
    if (run.command.json) {
        Json groups = Json::array();
        for (const auto& group : attached.value_or(std::vector<AttachedGroup>{}))
            groups.push_back({{"id", group.id}, {"status", group.status}});
        print_json({{"region", run.session.region()},
                    {"endpoint", to_json(*info)},
                    {"security_groups", groups},
                    {"access",
                     {{"port", kEndpointPort},
                      {"from", from},
                      {"allowed", to_string(access.access)},
                      {"reason", access.reason}}},
                    {"next", next}});
        return exit_code(progress, access.access);
    }
    const Paint paint(colour_wanted());
    const auto& r = info->report;
    std::string out = fmt::format("endpoint  {}  {}\n", r.endpoint_id, printable(info->name));
    out += fmt::format("state     {}\n", progress.next.empty() ? paint.green(progress.stage)
                                                               : paint.yellow(printable(progress.stage)));
    out += fmt::format("service   {}\nvpc       {}\nname      {}\n", printable(r.service_name),
                       printable(info->vpc), printable(r.domain));
    for (const auto& zone : r.zones) {
        out += fmt::format("zone      {}  {}", pad(printable(zone.zone_id), 16),
                           pad(printable(zone.status), 12));
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
    out += fmt::format("443 open  {}{}: {}\n", painted, from.empty() ? "" : " from " + from,
                       printable(access.reason));
    if (!next.empty()) out += "next      " + printable(next) + "\n";
    print(out);
    return exit_code(progress, access.access);
}

}  // namespace postern::agent
