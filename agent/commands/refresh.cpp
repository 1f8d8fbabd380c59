// SPDX-License-Identifier: Apache-2.0
// `postern refresh`: starts a round of discovery and probes in the running agent and waits for the results.
#include <unistd.h>

#include <algorithm>

#include "agent/client/agent_client.h"
#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/cli.h"
#include "agent/text/json_view.h"
#include "agent/text/terminal.h"
#include "core/loop.h"

namespace postern::agent {

namespace {

core::Result<JsonView> ask_json(const Config& config, const std::string& method, const std::string& path,
                                int expected_status) {
    auto reply = ask_agent(config, method, path, 10 * core::kSecond);
    if (!reply) return core::fail(reply.error());
    if (reply->status != expected_status) return core::fail(wrong_answer(config, *reply));
    auto json = JsonView::parse(reply->body, kMaxAgentReply);
    if (!json || !json->is_object()) return core::fail(wrong_answer(config, *reply));
    return json;
}

/// "" if everything in `status` is newer than `started`; else what is still missing. Times have one format and
/// compare as text.
core::Message awaited(const JsonView& status, const std::string& started) {
    for (const JsonView& link : status.at("links").items()) {
        const JsonView discovery = link.at("discovery");
        // A refusal is an answer, too, and so is one that was rejected.
        if (discovery.at("source").text() != "fixed" && discovery.at("asked").text() < started)
            return core::message("the cloud's answer for {}", printable(link.at("name").text()));
        if (!link.at("probing").boolean().value_or(false)) continue;
        for (const JsonView& address : link.at("addresses").items()) {
            if (address.at("last").at("ts").text() < started)
                return core::message("the probe of {}", printable(address.at("ip").text()));
        }
    }
    return "";
}

}  // namespace

int run_command(const RefreshCommand& command) {
    const auto config = config_or_complain("refresh", command.config);
    if (!config) return kExitUnknown;
    const auto begun = ask_json(*config, "POST", "/api/v1/refresh", 202);
    if (!begun) {
        complain("refresh", begun.error());
        return kExitUnknown;
    }
    const std::string started = begun->at("started").text();
    const Micros deadline = core::now_mono_us() + command.timeout_us;
    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    Interruptible interruptible;
    core::Message waiting;
    do {
        const auto now = ask_json(*config, "GET", "/api/v1/status", 200);
        if (!now) {
            complain("refresh", now.error());
            return kExitUnknown;
        }
        waiting = awaited(*now, started);
        if (terminal)
            print_note("\r\033[K" + (waiting.empty() ? "" : told(core::message("waiting for {} …", waiting))));
        if (waiting.empty()) break;
    } while (core::now_mono_us() < deadline && interruptible.sleep(100 * core::kMillisecond));
    if (terminal) print_note("\r\033[K");
    if (!waiting.empty()) complain("refresh", core::message("gave up waiting for {}; this is what is known:", waiting));
    StatusCommand status;
    status.config = command.config;
    const int code = run_command(status);
    return waiting.empty() ? code : std::max(code, kExitWarning);
}

}  // namespace postern::agent
