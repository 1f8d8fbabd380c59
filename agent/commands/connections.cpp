// SPDX-License-Identifier: Apache-2.0
// `postern connections`: asks the running agent to look now, waits for that look, and shows what it found. The agent
// renders it.
#include <algorithm>

#include "agent/client/agent_client.h"
#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/cli.h"
#include "agent/commands/connections_free.h"
#include "agent/text/json_view.h"
#include "agent/text/terminal.h"
#include "core/loop.h"

namespace postern::agent {

namespace {

constexpr Micros kRequest = 5 * core::kSecond;
constexpr Micros kWait = 5 * core::kSecond;  // where looking is expensive, the last look is shown with its age
constexpr Micros kPause = 50 * core::kMillisecond;
constexpr const char* kPath = "/api/v1/connections";

core::Result<HttpResponse> ask(const Config& config, const char* method, const std::string& path, int expected) {
    auto reply = ask_agent(config, method, path, kRequest);
    if (!reply || reply->status == expected) return reply;
    return core::fail(wrong_answer(config, *reply));
}

/// Until a look has ended that began after `started`.
core::Result<void> wait_for_look(const Config& config, const std::string& started) {
    Interruptible interruptible;
    const Micros deadline = core::now_mono_us() + kWait;
    do {
        const auto reply = ask(config, "GET", kPath, 200);
        if (!reply) return core::fail(reply.error());
        const auto json = JsonView::parse(reply->body, kMaxAgentReply);
        // Times have one format and compare as text.
        if (json && json->at("looked").text() > started) return {};
    } while (core::now_mono_us() < deadline && interruptible.sleep(kPause));
    return {};
}

core::Result<HttpResponse> look(const Config& config, const ConnectionsCommand& command) {
    const auto begun = ask(config, "POST", std::string(kPath) + "/look", 202);
    if (!begun) return core::fail(begun.error());
    const auto started = JsonView::parse(begun->body, kMaxAgentReply);
    if (auto waited = wait_for_look(config, started ? started->at("started").text() : ""); !waited)
        return core::fail(waited.error());
    const std::string view = std::string("?view=text") + (colour_wanted() ? "&colour=1" : "") +
                             (shown_language() == doctor::Language::kChinese ? "&lang=zh" : "");
    return ask(config, "GET", kPath + (command.json ? std::string() : view), 200);
}

}  // namespace

int run_command(const ConnectionsCommand& command) {
    const auto config = config_or_complain("connections", command.config);
    if (!config) return kExitUnknown;
    if (command.free || command.dry_run) return free_connections(*config, command);
    const auto shown = look(*config, command);
    if (!shown) {
        complain("connections", shown.error());
        return kExitUnknown;
    }
    command.json ? print_data(shown->body) : print(shown->body);
    return exit_code(parse_overall_header(shown->header("x-postern-overall")).value_or(Overall::kUnknown));
}

}  // namespace postern::agent
