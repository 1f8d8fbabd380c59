// SPDX-License-Identifier: Apache-2.0
// `postern publish kubernetes` and `postern publish ack-dns`: once, or with --keep until SIGTERM.
#include <fmt/format.h>

#include <algorithm>

#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/endpoint_command.h"
#include "agent/commands/publish_command.h"
#include "agent/hostdns/instance.h"
#include "agent/k8s/kube_api.h"
#include "agent/k8s/objects.h"
#include "agent/net/http_client.h"
#include "agent/publish/cluster_keeper.h"
#include "agent/publish/steered_names.h"
#include "agent/text/terminal.h"
#include "agent/text/values.h"
#include "core/log.h"
#include "core/service_notify.h"

namespace postern::agent {
namespace {

using core::Code;
using publish::ClusterForm;
using publish::ClusterKeeper;
using publish::ClusterName;
using publish::ClusterOutcome;

constexpr Micros kLookForInterruption = 100 * core::kMillisecond;
constexpr Micros kLookAtLease = core::kSecond;
constexpr Micros kLongestLease = 2 * core::kMinute;  // that a single run waits for

class ClusterRun {
  public:
    ClusterRun(const PublishClusterCommand& command, const Config& config, k8s::ClusterAccess access)
        : command_(command),
          config_(config),
          name_(command.ack_dns ? "publish ack-dns" : "publish kubernetes"),
          task_{command.ack_dns ? ClusterForm::kCustomDns : ClusterForm::kServices, access.space,
                command.common.dry_run},
          lookup_(loop_, clock_),
          http_(loop_, clock_, lookup_, process_environment()),
          api_(clock_, http_, std::move(access), [this] { return turn(); }),
          keeper_(api_, clock_, random_, task_, publisher()) {
        lookup_.set_upstreams(upstreams_of(config));
        keep_turning();
    }

    int once() {
        const auto now = names_to_publish(name_, config_, command_.common, interruptible_);
        if (!now) return fail(now.error());
        std::vector<ClusterName> names;
        for (const auto& name : *now)
            names.push_back(name_of(name));
        if (!command_.common.dry_run) {
            const auto claim = this->claim();
            if (!claim) return fail(claim.error());
            if (*claim == ClusterKeeper::Claim::kOther) return other();
        }
        ClusterOutcome outcome = publish::publish_names(api_, task_, names, clock_.wall_us());
        while (outcome.wait_us > 0 && sleep(outcome.wait_us))
            outcome = publish::publish_names(api_, task_, names, clock_.wall_us());
        if (!command_.common.dry_run) keeper_.end();
        for (std::size_t i = 0; i < now->size(); ++i) {
            const PublishedNow& name = (*now)[i];
            explains_.push_back(name.explain);
            if (!name.addresses) outcome.names[i].error = name.addresses.error();
        }
        return finish(outcome);
    }

    int undo() {
        std::vector<ClusterName> names;
        for (const auto& link : config_.links) {
            if (command_.common.link.empty() || link.name == command_.common.link)
                names.push_back({link.name, link.host});
        }
        if (names.empty() && !command_.common.link.empty())
            return fail({Code::kUsage, core::message("there is no link {}", shown(command_.common.link)),
                         "postern status lists the links", 0});
        return finish(publish::undo_names(api_, task_, names, command_.common.link.empty(), clock_.wall_us()));
    }

    int forever() {
        bool changed = true;
        publish::SteeredNames names(loop_, clock_, random_, config_, command_.common.link,
                                    [&changed] { changed = true; });
        core::Timer begin(clock_);
        begin.start_in(0, [&names] { names.start(); });
        core::notify_service("READY=1");
        core::log_info("publisher_started", "the names are kept in the cluster", {{"server", api_.access().server}});
        Micros due = 0;
        while (turn()) {
            if (changed && names.settled()) {
                changed = false;
                keeper_.want(names.names());
                due = 0;
            }
            if (clock_.mono_us() >= due) due = keeper_.turn();
        }
        core::notify_service("STOPPING=1");
        names.stop();
        ending_ = true;
        keeper_.end();
        core::log_info("publisher_stopped", "the names are not kept in the cluster any more; they stay as they are");
        return kExitGood;
    }

  private:
    /// A signal only sets a flag: the loop must wake up to see it.
    void keep_turning() {
        turn_.start_in(kLookForInterruption, [this] { keep_turning(); });
    }
    bool turn() {
        if (ending_) {
            // The Lease is given back after the signal, unless that takes long.
            if (ended_by_ == 0) ended_by_ = clock_.mono_us() + core::kSecond;
            return loop_.run_once() && clock_.mono_us() < ended_by_;
        }
        if (interruptible_.interrupted()) return false;
        loop_.run_once();
        return !interruptible_.interrupted();
    }
    bool sleep(Micros us) {
        const Micros until = clock_.mono_us() + us;
        while (clock_.mono_us() < until) {
            if (!turn()) return false;
        }
        return true;
    }

    /// Nobody else's, also not of an earlier run on this host.
    std::string publisher() {
        const std::string name = command_.publisher.empty() ? host_name() : command_.publisher;
        return name + "_" + random_.hex(8);
    }

    static ClusterName name_of(const PublishedNow& name) {
        ClusterName out{name.link->name, name.link->host, name.link->probe.port, {}, {}};
        if (name.addresses) out.addresses = *name.addresses;
        for (const auto& a : name.answer)
            out.answer.push_back(a.ip);
        return out;
    }

    /// Waits until the Lease is ours, or its holder has shown that it lives.
    core::Result<ClusterKeeper::Claim> claim() {
        const Micros until = clock_.mono_us() + kLongestLease;
        for (;;) {
            auto claim = keeper_.claim();
            if (!claim || *claim != ClusterKeeper::Claim::kUnknownYet || clock_.mono_us() >= until) return claim;
            if (!sleep(kLookAtLease)) return core::fail(Code::kCancelled, "interrupted");
        }
    }

    int other() const {
        const core::Message what = core::message("another publisher writes: {}", keeper_.holder());
        if (command_.common.json) {
            print_json(
                {{"dry_run", false}, {"undo", false}, {"publisher", keeper_.holder()}, {"names", Json::array()}});
        } else {
            print(told(what) + "\n");
        }
        return kExitGood;
    }

    std::string text_of(const ClusterOutcome::Name& name, std::size_t i) const {
        std::string text;
        if (!name.host.empty()) text += fmt::format("{} ({})\n", name.host, name.link);
        if (i < explains_.size() && !explains_[i].empty())
            text += "  " + told(core::message("probed: {}", explains_[i])) + "\n";
        for (const auto& step : name.steps)
            text += "  " + told(command_.common.dry_run ? core::message("would {}", step) : step) + "\n";
        if (!name.left.empty()) text += "  " + told(core::message("left: {}", name.left)) + "\n";
        if (name.steps.empty() && name.left.empty() && !name.error)
            text += "  " + told(command_.common.undo ? "nothing of postern's is there" : "as it should be") + "\n";
        if (!name.service.empty() && !name.error)
            text += "  " +
                    told(core::message("for CoreDNS: {}",
                                       fmt::format("rewrite name exact {} {}.{}.svc.cluster.local answer auto",
                                                   name.host, name.service, task_.space))) +
                    "\n";
        return core::printable_lines(text, "\n");
    }

    Json json_of(const ClusterOutcome::Name& name) const {
        Json bodies = Json::array(), steps = Json::array();
        for (const auto& step : name.steps)
            steps.push_back(step.text());
        for (const auto& body : name.bodies)
            bodies.push_back(Json::parse(body, nullptr, false));
        Json out = {{"link", name.link}, {"name", name.host}, {"service", name.service},
                    {"steps", steps},    {"objects", bodies}, {"left", name.left.text()}};
        out["error"] = name.error ? error_json(*name.error, ApiError{}) : Json();
        return out;
    }

    int finish(const ClusterOutcome& outcome) const {
        if (command_.common.json) {
            Json names = Json::array(), remarks = Json::array();
            for (const auto& name : outcome.names)
                names.push_back(json_of(name));
            for (const auto& remark : outcome.remarks)
                remarks.push_back(remark.text());
            print_json({{"dry_run", command_.common.dry_run},
                        {"undo", command_.common.undo},
                        {"names", names},
                        {"remarks", remarks}});
        }
        for (std::size_t i = 0; i < outcome.names.size(); ++i) {
            const auto& name = outcome.names[i];
            if (!command_.common.json) print(text_of(name, i));
            if (!command_.common.json && command_.common.dry_run) {
                for (const auto& body : name.bodies)
                    print_data(Json::parse(body, nullptr, false).dump(2, ' ', false, Json::error_handler_t::replace) +
                               "\n");
            }
            if (name.error) tell_failure(name_ + (name.link.empty() ? "" : ": " + name.link), *name.error);
        }
        for (const auto& remark : outcome.remarks)
            complain(name_, remark);
        if (interruptible_.interrupted()) {
            complain(name_, "interrupted; the next run completes what was begun");
            return kExitUnknown;
        }
        return outcome.error() != nullptr ? kExitFailed : outcome.left() ? kExitWarning : kExitGood;
    }

    int fail(const core::Error& error) const {
        if (command_.common.json) print_json({{"error", error_json(error, ApiError{})}});
        tell_failure(name_, error);
        return error.code == Code::kUsage || error.code == Code::kCancelled ? kExitUnknown : kExitFailed;
    }

    const PublishClusterCommand& command_;
    const Config& config_;
    std::string name_;
    publish::ClusterTask task_;
    Interruptible interruptible_;
    core::Loop loop_;
    core::SystemClock clock_{loop_};
    core::SystemRandom random_;
    AresLookup lookup_;
    HttpClient http_;
    k8s::KubeApi api_;
    ClusterKeeper keeper_;
    core::Timer turn_{clock_};
    std::vector<core::Message> explains_;
    bool ending_ = false;
    Micros ended_by_ = 0;
};

}  // namespace

int run_command(const PublishClusterCommand& command) {
    const std::string name = command.ack_dns ? "publish ack-dns" : "publish kubernetes";
    const auto config = config_or_complain(name, command.common.config);
    if (!config) return kExitUnknown;
    if (!command.keep) core::configure_log(core::Level::kWarning, core::LogFormat::kText);
    if (command.keep) core::configure_log(config->agent.log_level, config->agent.log_format);
    auto access = k8s::find_cluster(command.cluster, process_environment(), k8s::kServiceAccount);
    if (!access) {
        complain(name, access.error());
        return kExitUnknown;
    }
    ClusterRun run(command, *config, std::move(*access));
    if (command.keep) return run.forever();
    return command.common.undo ? run.undo() : run.once();
}

}  // namespace postern::agent
