// SPDX-License-Identifier: Apache-2.0
// `postern drain`, `undrain` and `drain status`: asks the running agent, which decides.
#include "agent/client/agent_client.h"
#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/cli.h"
#include "agent/text/json_view.h"
#include "agent/text/message_json.h"
#include "agent/text/terminal.h"
#include "agent/text/values.h"
#include "core/printable.h"
#include "core/secret.h"

namespace postern::agent {

namespace {

constexpr Micros kTimeout = 10 * core::kSecond;

struct Request {
    std::string method, path;
};

Request request_of(const DrainCommand& c) {
    using Verb = DrainCommand::Verb;
    Request out{c.verb == Verb::kStatus ? "GET" : "POST", ""};
    const std::string target = c.target.empty() ? "" : "&target=" + core::percent_encode(c.target);
    if (c.verb == Verb::kStatus) out.path = "/api/v1/drains?";
    if (c.verb == Verb::kUndrain) out.path = "/api/v1/undrain?" + target;
    if (c.verb == Verb::kDrain) {
        out.path = "/api/v1/drain?for=" + format_duration(c.for_us) + target;
        if (c.free) out.path += "&free=1";
        if (!c.reason.empty()) out.path += "&reason=" + core::percent_encode(c.reason);
    }
    if (!c.json) out.path += "&view=text";
    if (!c.json && shown_language() == doctor::Language::kChinese) out.path += "&lang=zh";
    return out;
}

}  // namespace

int run_command(const DrainCommand& command) {
    const char* const name = command.verb == DrainCommand::Verb::kUndrain ? "undrain" : "drain";
    const auto config = config_or_complain(name, command.config);
    if (!config) return kExitUnknown;
    const Request request = request_of(command);
    const auto reply = ask_agent(*config, request.method, request.path, kTimeout);
    if (!reply) {
        complain(name, reply.error());
        return kExitUnknown;
    }
    if (command.json) print_data(reply->body);
    if (reply->status == 200) {
        if (!command.json) print(core::printable_lines(reply->body));
        return kExitGood;
    }
    const auto json = JsonView::parse(reply->body, kMaxAgentReply);
    const JsonView error = json ? json->at("error") : JsonView();
    if (error.is_null()) {
        complain(name, wrong_answer(*config, *reply));
        return kExitUnknown;
    }
    const JsonView messages = error.at("messages");
    complain(name, core::Error{core::Code::kRefused, read_message(messages.at("what"), error.at("what").text()),
                               read_message(messages.at("hint"), error.at("hint").text()), 0});
    return reply->status == 409 ? kExitFailed : kExitUnknown;
}

}  // namespace postern::agent
