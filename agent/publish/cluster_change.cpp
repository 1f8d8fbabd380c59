// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/cluster_change.h"

#include <algorithm>
#include <functional>
#include <map>

#include "agent/k8s/custom_dns.h"
#include "agent/k8s/objects.h"

namespace postern::agent::publish {
namespace {

using core::Code;
using k8s::ObjectName;
using k8s::ObjectStep;
using What = ObjectStep::What;

constexpr int kMaxLooks = 5;  // at an object that another one writes at the same time

core::Result<k8s::Written> write(k8s::Cluster& cluster, const ObjectStep& step) {
    if (step.what == What::kCreate) return cluster.create(step.name.kind, step.body);
    if (step.what == What::kChange) return cluster.change(step.name, step.body);
    return cluster.remove(step.name, step.uid, step.version);
}

using Decide = std::function<ObjectStep(const std::optional<JsonView>& there)>;

/// False: nothing more of this name is written.
bool bring(k8s::Cluster& cluster, const ClusterTask& task, const ObjectName& object, const Decide& decide,
           ClusterOutcome::Name& out) {
    for (int look = 0; look < kMaxLooks; ++look) {
        const auto there = cluster.read(object);
        if (!there) {
            out.error = there.error();
            return false;
        }
        const ObjectStep step = decide(*there);
        if (step.what == What::kNothing) return true;
        if (step.what == What::kForeign) {
            out.left = step.why;
            return false;
        }
        if (task.dry_run) {
            out.steps.push_back(step.told);
            if (!step.body.empty()) out.bodies.push_back(step.body);
            return true;
        }
        const auto written = write(cluster, step);
        if (!written) {
            out.error = written.error();
            return false;
        }
        if (*written == k8s::Written::kDone) {
            out.steps.push_back(step.told);
            return true;
        }
    }
    out.error = core::Error{Code::kApiUnavailable,
                            core::message("{} is written by another one at the same time", k8s::describe(object)),
                            "find out who writes it: kubectl get --show-managed-fields", 0};
    return false;
}

/// False, with the reason, where the object is another's or can't be looked at.
bool may_be_ours(k8s::Cluster& cluster, const ObjectName& object, const Decide& decide, ClusterOutcome::Name& out) {
    const auto there = cluster.read(object);
    if (!there) {
        out.error = there.error();
        return false;
    }
    const ObjectStep step = decide(*there);
    out.left = step.why;
    return step.what != What::kForeign;
}

k8s::ServiceWish wish_of(const ClusterName& name, const ClusterTask& task) {
    k8s::ServiceWish wish{k8s::service_name(name.link), task.space, name.link, name.host, name.port, {}};
    for (const auto& a : name.addresses) {
        const bool ready = std::find(name.answer.begin(), name.answer.end(), a.ip) != name.answer.end();
        wish.addresses.push_back({a.ip, a.zone, ready});
    }
    return wish;
}

ClusterOutcome publish_services(k8s::Cluster& cluster, const ClusterTask& task, const std::vector<ClusterName>& names) {
    ClusterOutcome out;
    std::map<std::string, std::string> taken;  // service → link
    for (const auto& name : names) {
        auto& one = out.names.emplace_back();
        one.link = name.link;
        one.host = name.host;
        if (name.addresses.empty()) continue;
        const auto wish = wish_of(name, task);
        one.service = wish.name;
        const auto [other, first] = taken.emplace(wish.name, name.link);
        if (!first) {
            one.left = core::message("its service would be {}, as that of the link {}: rename one of them", wish.name,
                                     other->second);
            continue;
        }
        if (auto checked = k8s::check(wish); !checked) {
            one.error = std::move(checked.error());
            continue;
        }
        const ObjectName service{k8s::Kind::kService, wish.name};
        const auto service_now = [&](const auto& there) { return k8s::service_step(wish, there); };
        const auto slice = [&](bool v6) {
            return bring(
                cluster, task, {k8s::Kind::kEndpointSlice, k8s::slice_name(wish.name, v6)},
                [&, v6](const auto& there) { return k8s::slice_step(wish, v6, there); }, one);
        };
        // A slice would give a Service of others our addresses.
        if (!may_be_ours(cluster, service, service_now, one)) continue;
        // The slices first: a Service is never there without an address. One of a family that has none is taken away last.
        const bool v4_last = wish.addresses.front().ip.is_v6();
        (void)(slice(v4_last) && bring(cluster, task, service, service_now, one) && slice(!v4_last));
    }
    return out;
}

ClusterOutcome publish_custom_dns(k8s::Cluster& cluster, const ClusterTask& task, const std::vector<ClusterName>& names,
                                  core::Micros now_wall_us) {
    ClusterOutcome out;
    std::vector<k8s::HostsWish> wishes;
    for (const auto& name : names) {
        auto& one = out.names.emplace_back();
        one.link = name.link;
        one.host = name.host;
        if (!name.addresses.empty()) wishes.push_back({name.host, name.answer});
    }
    if (wishes.empty()) return out;
    k8s::CustomDnsPlan plan;
    ClusterOutcome::Name whole;  // one object for all names
    (void)bring(
        cluster, task, k8s::kCustomDns,
        [&](const auto& there) {
            plan = k8s::plan_custom_dns(wishes, there, now_wall_us);
            out.wait_us = plan.step.what == What::kChange && !task.dry_run ? k8s::settles_in(there, now_wall_us) : 0;
            return out.wait_us > 0 ? ObjectStep{What::kNothing, k8s::kCustomDns} : plan.step;
        },
        whole);
    for (auto& one : out.names) {
        one.error = whole.error;
        const auto left =
            std::find_if(plan.left.begin(), plan.left.end(), [&](const auto& l) { return l.host == one.host; });
        if (left != plan.left.end()) one.left = left->why;
    }
    out.names.front().steps = whole.steps;
    out.names.front().bodies = whole.bodies;
    for (const auto& name : plan.stray) {
        const bool unknown = std::any_of(names.begin(), names.end(), [&](const auto& n) { return n.host == name; });
        if (!unknown)
            out.remarks.push_back(
                core::message("the zone {} is of no link any more, and stays: --undo takes all away", name));
    }
    return out;
}

}  // namespace

const core::Error* ClusterOutcome::error() const {
    for (const auto& name : names) {
        if (name.error) return &*name.error;
    }
    return nullptr;
}

bool ClusterOutcome::left() const {
    return std::any_of(names.begin(), names.end(), [](const auto& name) { return !name.left.empty(); });
}

std::string lease_name(ClusterForm form) {
    return form == ClusterForm::kServices ? "postern-publisher" : "postern-ack-dns";
}

ClusterOutcome publish_names(k8s::Cluster& cluster, const ClusterTask& task, const std::vector<ClusterName>& names,
                             core::Micros now_wall_us) {
    return task.form == ClusterForm::kServices ? publish_services(cluster, task, names)
                                               : publish_custom_dns(cluster, task, names, now_wall_us);
}

ClusterOutcome undo_names(k8s::Cluster& cluster, const ClusterTask& task, const std::vector<ClusterName>& names,
                          bool all, core::Micros now_wall_us) {
    ClusterOutcome out;
    auto& one = out.names.emplace_back();
    const auto take = [&](const ObjectName& object) {
        return bring(
            cluster, task, object, [&](const auto& there) { return k8s::removal_step(object, there); }, one);
    };
    if (task.form == ClusterForm::kCustomDns) {
        std::vector<std::string> hosts;
        for (const auto& name : names)
            hosts.push_back(name.host);
        if (all) hosts.clear();
        if (!bring(
                cluster, task, k8s::kCustomDns,
                [&](const auto& there) { return k8s::plan_custom_dns_undo(hosts, there, now_wall_us).step; }, one))
            return out;
    } else {
        // The Service before its slices: what is asked meanwhile gets all of its addresses, or no such name.
        for (const auto kind : {k8s::Kind::kService, k8s::Kind::kEndpointSlice}) {
            const auto own = cluster.own(kind);
            if (!own) {
                one.error = own.error();
                return out;
            }
            for (const auto& object : *own) {
                const std::string link = k8s::annotation(object, "postern/link");
                const bool wanted =
                    all || std::any_of(names.begin(), names.end(), [&](const auto& name) { return name.link == link; });
                if (wanted && !take({kind, k8s::name_of(object)})) return out;
            }
        }
    }
    if (all) (void)take({k8s::Kind::kLease, lease_name(task.form)});
    return out;
}

}  // namespace postern::agent::publish
