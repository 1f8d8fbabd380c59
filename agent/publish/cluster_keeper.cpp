// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/cluster_keeper.h"

#include <algorithm>

#include "core/log.h"
#include "core/text.h"

namespace postern::agent::publish {

using core::Micros;
using k8s::Lease;

ClusterKeeper::ClusterKeeper(k8s::Cluster& cluster, core::Clock& clock, core::Random& random, ClusterTask task,
                             std::string me)
    : cluster_(cluster),
      clock_(clock),
      random_(random),
      task_(std::move(task)),
      lease_(lease_name(task_.form), task_.space, std::move(me)) {}

void ClusterKeeper::want(std::vector<ClusterName> names) {
    if (names == names_) return;
    names_ = std::move(names);
    if (!failing_) names_due_ = 0;  // else the pauses hold
}

core::Result<Lease::Turn> ClusterKeeper::look_at_lease() {
    const auto there = cluster_.read(lease_.object());
    if (!there) return core::fail(there.error());
    return lease_.judge(*there, clock_.mono_us());
}

core::Result<k8s::Written> ClusterKeeper::write_lease() {
    const Micros sent = clock_.mono_us();
    const Lease::Write write = lease_.write(clock_.wall_us());
    auto written =
        write.create ? cluster_.create(k8s::Kind::kLease, write.body) : cluster_.change(lease_.object(), write.body);
    if (written && *written == k8s::Written::kDone) lease_.written(sent);
    return written;
}

core::Result<ClusterKeeper::Claim> ClusterKeeper::claim() {
    const auto turn = look_at_lease();
    if (!turn) return core::fail(turn.error());
    if (*turn == Lease::Turn::kWait) {
        if (first_renewal_.empty()) first_renewal_ = lease_.renewed();
        return lease_.renewed() != first_renewal_ ? Claim::kOther : Claim::kUnknownYet;
    }
    const auto written = write_lease();
    if (!written) return core::fail(written.error());
    return *written == k8s::Written::kDone ? Claim::kTaken : Claim::kUnknownYet;
}

void ClusterKeeper::turn_lease(Micros now) {
    if (now < lease_due_) return;
    lease_due_ = now + k8s::kLeaseRenewal;
    const auto turn = look_at_lease();
    const auto written = turn && *turn != Lease::Turn::kWait ? write_lease() : k8s::Written::kConflict;
    if (!turn || !written) {
        const core::Error& error = turn ? written.error() : turn.error();
        lease_due_ = clock_.mono_us() + std::max(cluster_.asked_to_wait_us(), lease_pause_.next(random_));
        lease_problem_ = {};
        lease_problem_.add(std::string(core::to_string(error.code)), error.text());
        return;
    }
    lease_problem_ = {};
    lease_pause_.reset();
    const Micros expires = lease_.expires_mono_us();
    if (*turn == Lease::Turn::kWait) lease_due_ = std::min(lease_due_, std::max(expires, now + core::kSecond));
    // Another one was faster: look at once who.
    if (*turn != Lease::Turn::kWait && *written == k8s::Written::kConflict) lease_due_ = now + core::kSecond / 10;
    const bool leads = lease_.held(clock_.mono_us());
    if (leads && !led_) {
        core::log_info("cluster_leading", "this publisher writes", {{"lease", lease_.object().name}});
        names_due_ = 0;
    }
    if (!leads && *turn == Lease::Turn::kWait && (led_ || !followed_))
        core::log_info("cluster_following", "another publisher writes", {{"holder", lease_.holder()}});
    followed_ = !leads;
    led_ = leads;
}

void ClusterKeeper::turn_names(Micros now) {
    if (!lease_.held(now) || now < names_due_) return;
    const ClusterOutcome outcome = publish_names(cluster_, task_, names_, clock_.wall_us());
    const core::Error* error = outcome.error();
    const Micros after = clock_.mono_us();
    names_due_ = after + kLookAgain;
    if (outcome.wait_us > 0) names_due_ = after + std::min(outcome.wait_us, kLookAgain);
    failing_ = error != nullptr;
    if (failing_) {
        const Micros asked = error->code == core::Code::kApiThrottled ? cluster_.asked_to_wait_us() : 0;
        names_due_ = after + std::max(asked, names_pause_.next(random_));
    } else {
        names_pause_.reset();
    }
    tell(outcome);
}

Micros ClusterKeeper::turn() {
    turn_lease(clock_.mono_us());
    turn_names(clock_.mono_us());
    const Micros now = clock_.mono_us();
    if (!lease_.held(now)) {
        failing_ = false;
        names_problem_ = {};  // it is the other's
    }
    tell_problem();
    return lease_.held(now) ? std::min(lease_due_, names_due_) : lease_due_;
}

void ClusterKeeper::end() {
    if (lease_.holder().empty() || !look_at_lease()) return;
    if (const auto body = lease_.release(clock_.wall_us())) (void)cluster_.change(lease_.object(), *body);
    lease_.lost();
}

void ClusterKeeper::Problem::add(const std::string& its_kind, const std::string& its_text) {
    if (kind.find(its_kind) == std::string::npos) core::add_item(kind, its_kind);
    core::add_item(text, its_text);
}

void ClusterKeeper::tell(const ClusterOutcome& outcome) {
    names_problem_ = {};
    for (const auto& name : outcome.names) {
        for (const auto& step : name.steps)
            core::log_info("cluster_written", step, {{"link", name.link}});
        if (name.error)
            names_problem_.add(std::string(core::to_string(name.error->code)), name.link + ": " + name.error->text());
        if (!name.left.empty()) names_problem_.add(name.left.text(), name.link + ": " + name.left.text());
    }
    for (const auto& remark : outcome.remarks)
        names_problem_.add(remark.text(), remark.text());
}

/// One line for each change of what is wrong.
void ClusterKeeper::tell_problem() {
    const Problem& now = lease_problem_.kind.empty() ? names_problem_ : lease_problem_;
    if (now.kind == told_) return;
    if (!now.kind.empty()) core::log_warning("cluster_not_written", now.text + "; what the cluster has stays");
    if (now.kind.empty()) core::log_info("cluster_written_again", "the cluster can be written again");
    told_ = now.kind;
}

}  // namespace postern::agent::publish
