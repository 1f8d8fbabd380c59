// SPDX-License-Identifier: Apache-2.0
// `postern endpoint wait`, and create's wait.
#include <fmt/format.h>

#include "agent/account/endpoint_progress.h"
#include "agent/account/operation_error.h"
#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/endpoint_command.h"
#include "agent/text/values.h"

namespace postern::agent {
namespace {

using Outcome = EndpointProgress::Outcome;
using End = WaitResult::End;

constexpr Micros kAppears = core::kMinute;

/// A new endpoint may not be found yet.
bool may_still_appear(const core::Error& error, bool just_made, Micros waited) {
    return just_made && waited < kAppears && error.code == core::Code::kApiNotFound;
}

std::string_view to_string(End end) {
    switch (end) {
        case End::kConnected:
            return "connected";
        case End::kFailed:
            return "failed";
        case End::kTimeout:
            return "timeout";
        case End::kInterrupted:
            return "interrupted";
    }
    return "";
}

}  // namespace

core::Result<WaitResult> wait_until_connected(EndpointRun& run, EndpointInfo* info) {
    const Micros started = run.session.now_us();
    ProgressLine line;
    const bool just_made = run.command.endpoint.empty();
    bool answered = just_made;  // the API made it
    core::Message next;
    for (;;) {
        auto seen = run.cloud.describe(just_made ? info->report.endpoint_id : run.command.endpoint);
        if (run.session.interrupted()) return WaitResult{End::kInterrupted, next, {}};
        const Micros waited = run.session.now_us() - started;
        if (!seen && !may_pass(seen.error().code, answered) && !may_still_appear(seen.error(), just_made, waited))
            return core::fail(std::move(seen.error()));
        const core::Message clock = core::message("{} s", waited / core::kSecond);
        std::optional<core::Error> not_seen;
        if (!seen) {
            not_seen = seen.error();
            line.show(core::message("can't ask right now: {}", seen.error().whole()), clock);
        } else {
            answered = true;
            *info = std::move(*seen);
            const auto progress = progress_of(info->report);
            next = progress.next;
            if (progress.outcome == Outcome::kConnected) return WaitResult{End::kConnected, {}, {}};
            if (progress.outcome == Outcome::kFailed) return WaitResult{End::kFailed, next, {}};
            line.show(core::message("{}: {}", progress.stage, next), clock);
        }
        if (waited + run.command.interval_us > run.command.timeout_us)
            return WaitResult{End::kTimeout, next, std::move(not_seen)};
        if (!run.session.sleep(run.command.interval_us)) return WaitResult{End::kInterrupted, next, {}};
    }
}

core::Message advice_after(const WaitResult& result, const EndpointCommand& command, const std::string& endpoint) {
    const std::string again = wait_command(command, endpoint);
    switch (result.end) {
        case End::kConnected:
            return {};
        case End::kFailed:
            return result.next;
        case End::kInterrupted:
            return core::message("the endpoint stays as it is; to continue: {}", again);
        case End::kTimeout:
            break;
    }
    const core::Message& next = result.not_seen ? result.not_seen->hint : result.next;
    return next.empty() ? core::Message(again) : core::message("{}; then {}", next, again);
}

int wait_for_endpoint(EndpointRun& run) {
    EndpointInfo info;
    info.report.endpoint_id = run.command.endpoint;
    const Micros started = run.session.now_us();
    const auto result = wait_until_connected(run, &info);
    if (!result) return fail_command(run, result.error());
    const core::Message next = advice_after(*result, run.command, run.command.endpoint);
    const bool connected = result->end == End::kConnected;
    const core::Message block = connected ? link_advice(run.config, info) : core::Message();
    if (run.command.json) {
        Json body = {{"outcome", to_string(result->end)},
                     {"waited_s", (run.session.now_us() - started) / core::kSecond},
                     {"endpoint", to_json(info)},
                     {"next", next.text()},
                     {"link", block.text()}};
        if (result->not_seen) body["error"] = error_json(run, *result->not_seen);
        print_json(std::move(body));
    } else if (connected) {
        print(told(core::message("{} is connected", run.command.endpoint)) + "\n\n" + told(block));
    }
    if (connected) return kExitGood;
    const std::string limit = format_duration(run.command.timeout_us);
    const core::Message what = result->not_seen               ? not_known("it is connected", limit, *result->not_seen)
                               : result->end == End::kTimeout ? core::message("not connected after {}", limit)
                               : result->end == End::kInterrupted ? core::Message("interrupted")
                                                                  : core::Message("it will not be connected");
    complain(run.name, what);
    print_next(next);
    return result->end == End::kInterrupted ? kExitUnknown : kExitFailed;
}

}  // namespace postern::agent
