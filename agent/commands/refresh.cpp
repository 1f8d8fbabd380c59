// `postern refresh`: starts a round of discovery and probes in the running agent and waits until its results
// are there.
#include <nlohmann/json.hpp>

#include <unistd.h>

#include "agent/client/console.h"
#include "agent/commands/cli.h"
#include "agent/text/terminal.h"
#include "core/loop.h"

namespace postern::agent {

namespace {

using Json = nlohmann::json;

core::Result<Json> ask_json(const Config& config, const std::string& method, const std::string& path,
                            int expected_status) {
    auto reply = ask_agent(config, method, path, 10 * core::kSecond);
    if (!reply) return core::fail(reply.error());
    if (reply->status != expected_status) {
        return core::fail(core::Code::kHttpFailed, "the agent answered with HTTP " + std::to_string(reply->status) +
                                                       ": " + printable(reply->body.substr(0, 200)));
    }
    Json json = Json::parse(reply->body, nullptr, false);
    if (json.is_discarded() || !json.is_object())
        return core::fail(core::Code::kHttpFailed, "the agent's reply is not JSON");
    return json;
}

std::string text_at(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

const Json& at(const Json& object, const char* key) {
    static const Json kNothing;
    if (!object.is_object()) return kNothing;
    const auto found = object.find(key);
    return found == object.end() ? kNothing : *found;
}

/// "" when everything in `status` is younger than `started`; else what is still awaited. Times are of one
/// format and compare as texts.
std::string awaited(const Json& status, const std::string& started) {
    for (const Json& link : at(status, "links")) {
        const Json& discovery = at(link, "discovery");
        // A refusal is an answer, too, and so is one that is not believed.
        if (text_at(discovery, "source") != "fixed" && text_at(discovery, "asked") < started) {
            return "the cloud's answer for " + text_at(link, "name");
        }
        if (!link.value("probing", false)) continue;
        for (const Json& address : at(link, "addresses")) {
            const Json& last = at(address, "last");
            if (!last.is_object() || text_at(last, "ts") < started) return "the probe of " + text_at(address, "ip");
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
    const std::string started = text_at(*begun, "started");
    const Micros deadline = core::now_mono_us() + command.timeout_us;
    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    Interruptible interruptible;
    std::string waiting;
    do {
        const auto now = ask_json(*config, "GET", "/api/v1/status", 200);
        if (!now) {
            complain("refresh", now.error());
            return kExitUnknown;
        }
        waiting = awaited(*now, started);
        if (terminal)
            fprintf(stderr, "\r\033[K%s", waiting.empty() ? "" : ("waiting for " + printable(waiting) + " …").c_str());
        if (waiting.empty()) break;
    } while (core::now_mono_us() < deadline && interruptible.sleep(100 * core::kMillisecond));
    if (terminal) fputs("\r\033[K", stderr);
    if (!waiting.empty()) complain("refresh", "gave up waiting for " + waiting + "; this is what is known:");
    StatusCommand status;
    status.config = command.config;
    const int code = run_command(status);
    return waiting.empty() ? code : std::max<int>(code, kExitWarning);
}

}  // namespace postern::agent
