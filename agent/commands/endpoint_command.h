// SPDX-License-Identifier: Apache-2.0
// `postern endpoint …`: shared by its commands. One file per command: endpoint_list.cpp (also services),
// endpoint_show.cpp, endpoint_create.cpp, endpoint_wait.cpp, endpoint_zone.cpp, endpoint_export.cpp,
// endpoint_delete.cpp (also remove-group).
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "agent/account/account.h"
#include "agent/account/session.h"
#include "agent/commands/cli.h"

namespace postern::agent {

using Json = nlohmann::ordered_json;

/// One run of one command.
struct EndpointRun {
    const EndpointCommand& command;
    std::string name;  // "endpoint show", for messages
    const Config& config;
    CloudSession& session;
    EndpointCloud& cloud;
    std::optional<ApiError> refusal =
        {};  // that ended the command; nullopt: the API's last, other calls came after this
};

int list_services(EndpointRun& run);
int list_endpoints(EndpointRun& run);
int show_endpoint(EndpointRun& run);
int create_endpoint(EndpointRun& run);
int wait_for_endpoint(EndpointRun& run);
int change_zone(EndpointRun& run);
int export_zones(EndpointRun& run);
int delete_endpoint(EndpointRun& run);
int remove_group(EndpointRun& run);

/// Prints the error, its owner and the next step on stderr, with --json also on stdout, beside the members of `more`.
/// The exit code: 3 for usage, interruptions and requests that could not be made, else `failed`.
int fail_command(const EndpointRun& run, const core::Error& error, int failed = kExitFailed, const Json& more = {});
/// The same on stderr alone. `name`: "endpoint show".
void tell_failure(const std::string& name, const core::Error& error);
/// A write without an answer: whether it was done is not known.
bool outcome_unknown(core::Code code);

/// "schema_version" first.
void print_json(Json body);
Json error_json(const EndpointRun& run, const core::Error& error);
Json error_json(const core::Error& error, const ApiError& refusal);
Json to_json(const EndpointInfo& info);
/// The form of a zones file: the API's reply with the endpoint's ID and the time it was written.
Json zones_file_json(const EndpointInfo& info, Micros written_wall_us);

/// This host's location from the metadata service; what it does not give has to be given.
HostPlace host_place(EndpointRun& run);

/// Waits until connected, with a progress line on stderr. `info`: in: the known state, out: the last one.
struct WaitResult {
    enum class End { kConnected, kFailed, kTimeout, kInterrupted } end;
    core::Message next;  // the next step; "" if connected
    // The last look before the time-out failed: with this, and the state is not known.
    std::optional<core::Error> not_seen;
};
core::Result<WaitResult> wait_until_connected(EndpointRun& run, EndpointInfo* info);
/// How to continue after a failure, in one sentence; "" after success.
core::Message advice_after(const WaitResult& result, const EndpointCommand& command, const std::string& endpoint);

/// The [[link]] block to paste, with instructions; names the link that uses the endpoint already, if any.
core::Message link_advice(const Config& config, const EndpointInfo& info);

/// On stderr, a line for each new text; on a terminal also the elapsed time, redrawn below it.
class ProgressLine {
  public:
    ProgressLine();
    ~ProgressLine();
    void show(const core::Message& text, const core::Message& since);

  private:
    bool terminal_;
    std::string last_;
};

/// " --config … --region …", as far as they were given: for a command to copy.
std::string place_options(const EndpointCommand& command);
/// "whether it is gone after 10m is not known: …", without the error's hint.
core::Message not_known(const core::Message& what, const std::string& limit, const core::Error& error);
/// The command to wait for it, with the relevant options.
std::string wait_command(const EndpointCommand& command, const std::string& endpoint);
/// "  next:  …" on stderr, unless `step` is "".
void print_next(const core::Message& next);

/// 32 hex digits: one logical request.
std::string new_client_token(CloudSession& session);

}  // namespace postern::agent
