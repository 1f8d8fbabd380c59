// SPDX-License-Identifier: Apache-2.0
// `postern endpoint delete`: asks, deletes, waits until it is gone.
#include <fmt/format.h>

#include "agent/account/operation_error.h"
#include "agent/client/console.h"
#include "agent/commands/endpoint_command.h"
#include "agent/text/terminal.h"
#include "agent/text/values.h"

namespace postern::agent {
namespace {

bool is_connected(const EndpointReport& r) {
    return r.connection_status != "Disconnected" && r.connection_status != "Pending" && !r.connection_status.empty();
}

std::string reminder(const EndpointRun& run, const EndpointInfo& info) {
    std::string out;
    if (is_connected(info.report)) {
        out += "its connection is " + info.report.connection_status +
               ": first disconnect it in TDengine's console (实例 > 私有连接 > 操作 > 断开), then delete it "
               "there\n";
    } else {
        out += "delete its connection in TDengine's console (实例 > 私有连接), too, if there is one\n";
    }
    out += "Alibaba Cloud keeps billing until the endpoint itself is deleted\n";
    for (const auto& link : run.config.links) {
        for (const auto& endpoint : link.endpoints) {
            if (endpoint == info.report.endpoint_id)
                out += "link " + link.name + " of " + run.config.path + " uses it: its name will have no address\n";
        }
    }
    return out;
}

/// Deletes; retries until the timeout while another operation is in progress, or something else answers than the API.
/// Safe: the client token makes the repeated call the same request.
core::Result<void> remove_when_free(EndpointRun& run, const std::string& token, Micros deadline) {
    ProgressLine line;
    for (;;) {
        auto done = run.cloud.remove(run.command.endpoint, token, false);
        if (done || run.session.now_us() + run.command.interval_us > deadline) return done;
        if (is_busy(run.session.refusal())) {
            line.show("the endpoint is busy: " + run.session.refusal().code, "…");
        } else if (may_pass(done.error().code, true)) {
            line.show("can't ask right now: " + done.error().text(), "…");
        } else {
            return done;
        }
        if (!run.session.sleep(run.command.interval_us)) return core::fail(core::Code::kCancelled, "interrupted");
    }
}

struct Gone {
    enum class End { kYes, kTimeout, kInterrupted } end;
    std::optional<core::Error> not_seen;  // the last look before the time-out failed with this
};

Gone wait_until_gone(EndpointRun& run, Micros deadline) {
    ProgressLine line;
    for (;;) {
        const auto seen = run.cloud.describe(run.command.endpoint);
        if (run.session.interrupted()) return {Gone::End::kInterrupted, {}};
        if (!seen && seen.error().code == core::Code::kApiNotFound) return {Gone::End::kYes, {}};
        line.show(seen ? seen->report.status : "can't ask right now: " + seen.error().text(), "…");
        if (run.session.now_us() + run.command.interval_us > deadline)
            return {Gone::End::kTimeout, seen ? std::nullopt : std::optional(seen.error())};
        if (!run.session.sleep(run.command.interval_us)) return {Gone::End::kInterrupted, {}};
    }
}

int not_confirmed(const EndpointRun& run, bool terminal) {
    const char* what = terminal ? "not confirmed; nothing was deleted"
                                : "it asks before it deletes, and there is no terminal to ask on";
    return fail_command(
        run, core::Error{core::Code::kUsage, what, terminal ? "" : "give --yes to delete without a question", 0});
}

int finish(const EndpointRun& run, bool gone, const std::string& what, const std::string& next, int code) {
    if (run.command.json) {
        print_json({{"dry_run", run.command.dry_run},
                    {"endpoint", run.command.endpoint},
                    {"deleted", gone},
                    {"what", what},
                    {"next", next}});
    } else if (code == kExitGood) {
        print(what + "\n");
    }
    if (code == kExitGood) return code;
    complain(run.name, what);
    print_next(next);
    return code;
}

}  // namespace

int delete_endpoint(EndpointRun& run) {
    const std::string& id = run.command.endpoint;
    const auto info = run.cloud.describe(id);
    if (!info) return fail_command(run, info.error());
    fmt::print(stderr, "{}  {}  {}, connection {}\n{}", id, printable(info->name), printable(info->report.status),
               printable(info->report.connection_status), reminder(run, *info));
    if (run.command.dry_run) {
        const auto passed = run.cloud.remove(id, "", true);
        if (!passed) return fail_command(run, passed.error());
        return finish(run, false, "the API would delete " + id + "; nothing was changed", "", kExitGood);
    }
    if (!run.command.yes) {
        const auto answer = ask("delete " + id + "?");
        if (!answer || !*answer) return not_confirmed(run, answer.has_value());
    }
    const Micros deadline = run.session.now_us() + run.command.timeout_us;
    if (const auto done = remove_when_free(run, new_client_token(run.session), deadline);
        !done && done.error().code != core::Code::kApiNotFound) {
        core::Error error = done.error();
        if (may_pass(error.code, true) && !is_busy(run.session.refusal()))
            error.hint += "; whether it is being deleted is not known: postern endpoint show " + id;
        return fail_command(run, error);
    }
    const auto gone = wait_until_gone(run, deadline);
    const std::string look = "postern endpoint show " + id + " says when it is gone";
    if (gone.end == Gone::End::kYes) return finish(run, true, id + " is deleted", "", kExitGood);
    if (gone.end == Gone::End::kInterrupted)
        return finish(run, false, "interrupted; the deletion continues", look, kExitUnknown);
    const std::string limit = format_duration(run.command.timeout_us);
    const std::string what =
        gone.not_seen ? not_known("it is gone", limit, *gone.not_seen) : id + " is not gone after " + limit;
    return finish(run, false, what, look, kExitFailed);
}

}  // namespace postern::agent
