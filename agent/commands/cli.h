// SPDX-License-Identifier: Apache-2.0
// The command line as plain structs. Parsing (CLI11, in cli.cpp) and execution (commands/) meet only here.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/account/creation.h"
#include "agent/client/target_wish.h"
#include "agent/commands/k8s_commands.h"
#include "agent/commands/publish_commands.h"
#include "agent/config/config.h"
#include "agent/doctor/request.h"
#include "agent/hostdns/decision.h"
#include "agent/status/overall.h"
#include "probe/record.h"

namespace postern::agent {

/// What commands return: the number of an Overall. kExitUnknown: usage error, or could not measure.
inline constexpr int kExitGood = exit_code(Overall::kGood), kExitWarning = exit_code(Overall::kDegraded),
                     kExitFailed = exit_code(Overall::kFailed), kExitUnknown = exit_code(Overall::kUnknown);

struct RunCommand {
    std::string config = kDefaultConfigPath;
    bool no_resolver = false;
    bool follow_config = false;
};
struct CheckConfigCommand {
    std::string config = kDefaultConfigPath;
    bool online = false;
};
struct PlanShowCommand {
    std::string config = kDefaultConfigPath;
    std::string file;  // "": the current plan, else the durable one
    bool json = false;
};
struct PlanCompileCommand {
    std::string config = kDefaultConfigPath;
    std::string out;
};
struct StatusCommand {
    std::string config = kDefaultConfigPath;
    bool json = false;
    bool watch = false;
};
struct ResolveCommand {
    std::string config = kDefaultConfigPath;
    std::string name;
    std::string type;  // "": A, or PTR for an address
    bool json = false;
};
struct ProbeCommand {
    TargetWish target;
    bool json = false;
    int count = 1;
};
struct LogsCommand {
    enum class Format { kShort, kWide, kJson };
    std::string config = kDefaultConfigPath;
    bool follow = false;
    std::optional<std::size_t> count;  // default 50, with --since everything
    probe::RecordFilter filter;
    Format format = Format::kShort;
};
struct QueriesCommand {
    std::string config = kDefaultConfigPath;
    bool follow = false;
    bool json = false;
    std::size_t count = 50;
};
struct RefreshCommand {
    std::string config = kDefaultConfigPath;
    Micros timeout_us = 30 * core::kSecond;
};
struct DrainCommand {
    enum class Verb { kDrain, kUndrain, kStatus };
    std::string config = kDefaultConfigPath;
    Verb verb = Verb::kStatus;
    std::string target;  // a zone or an address; kUndrain: "" is all of them
    Micros for_us = 0;   // kDrain
    std::string reason;  // kDrain
    bool free = false;   // kDrain
    bool json = false;
};

struct ConnectionsCommand {
    std::string config = kDefaultConfigPath;
    bool json = false;
    bool free = false;     // end those that are stuck at a withdrawn address
    bool dry_run = false;  // say only how many
};
struct DnsCommand {
    enum class Verb { kEnable, kDisable, kStatus, kReapply, kPrestart };
    std::string config = kDefaultConfigPath;
    Verb verb = Verb::kStatus;
    Mode mode = Mode::kAuto;
    bool json = false;
    bool dry_run = false;
};
struct EndpointCommand {
    enum class Verb { kServices, kList, kShow, kCreate, kWait, kZone, kExport, kDelete, kRemoveGroup };
    std::string config = kDefaultConfigPath;
    Verb verb = Verb::kList;
    std::string endpoint;  // show, wait, zone, export, delete
    std::string group;     // remove-group
    std::string file;      // export
    ZoneWish zone;         // zone
    bool adds = false;     // zone: add, not remove
    std::string region;    // "": the configuration's, else the instance's
    EndpointWish wish;     // create; list and services filter by its service and VPC
    std::string client_token;
    std::optional<core::IpAddress> from;  // show: the address to judge for; nullopt: this host's
    Micros timeout_us = 30 * core::kMinute, interval_us = 5 * core::kSecond;
    bool json = false, dry_run = false, yes = false, wait = false;
};
struct DoctorCommand {
    doctor::Request request;
    bool json = false;
    bool list = false;
    std::string language;               // "": from the locale
    std::optional<std::string> bundle;  // "": a default name, in the current folder
    bool fix = false, yes = false;
};
/// Text for stdout (help, version) or stderr (usage errors), and the exit code.
struct PrintAndExit {
    std::string text;
    int code = kExitUnknown;
};

using Command = std::variant<PrintAndExit, RunCommand, CheckConfigCommand, PlanShowCommand, PlanCompileCommand,
                             StatusCommand, ResolveCommand, ProbeCommand, LogsCommand, QueriesCommand, RefreshCommand,
                             DrainCommand, ConnectionsCommand, DnsCommand, EndpointCommand, DoctorCommand,
                             PublishPrivateZoneCommand, PublishFileCommand, PublishListCommand, PublishKeygenCommand,
                             PublishClusterCommand, K8sCorefileCommand, K8sManifestsCommand, K8sNodeCommand,
                             K8sAliveCommand, PublishReportCommand, FleetStatusCommand>;

Command parse_command_line(int argc, const char* const* argv, Micros now_wall_us);

// The commands; each returns its exit code and prints to stdout, problems to stderr.
int run_command(const RunCommand& command);
int run_command(const CheckConfigCommand& command);
int run_command(const PlanShowCommand& command);
int run_command(const PlanCompileCommand& command);
int run_command(const StatusCommand& command);
int run_command(const ResolveCommand& command);
int run_command(const ProbeCommand& command);
int run_command(const LogsCommand& command);
int run_command(const QueriesCommand& command);
int run_command(const RefreshCommand& command);
int run_command(const DrainCommand& command);
int run_command(const ConnectionsCommand& command);
int run_command(const DnsCommand& command);
int run_command(const EndpointCommand& command);
int run_command(const DoctorCommand& command);
int run_command(const PublishPrivateZoneCommand& command);
int run_command(const PublishFileCommand& command);
int run_command(const PublishListCommand& command);
int run_command(const PublishKeygenCommand& command);
int run_command(const PublishReportCommand& command);
int run_command(const FleetStatusCommand& command);
int run_command(const PublishClusterCommand& command);
int run_command(const K8sCorefileCommand& command);
int run_command(const K8sManifestsCommand& command);
int run_command(const K8sNodeCommand& command);
int run_command(const K8sAliveCommand& command);
int run_command(const PrintAndExit& command);

}  // namespace postern::agent
