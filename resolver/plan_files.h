// SPDX-License-Identifier: Apache-2.0
// Reads the files that the resolver can work from: plans, the fallback file, the resolv.conf files of the host.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "resolver/active_plan.h"

namespace postern::resolver {

struct PlanPaths {
    std::vector<std::string> plans;  // the current one, then the durable one
    std::string fallback;            // may be empty
};

using RefusedFn = std::function<void(const std::string& path, core::PlanSource source, core::PlanFault fault)>;

struct FoundPlan {
    core::PlanView view;
    core::PlanSource source;
};

/// The valid plan with the highest generation; of equal ones the current. Calls `refused` for every file that exists
/// but is not valid.
std::optional<FoundPlan> choose_plan(const PlanPaths& paths, const RefusedFn& refused);

struct FoundFallback {
    core::Fallback known;  // of the file, now or before
    core::Fallback lists;  // the same with upstreams from elsewhere, if it names none
    std::string kept;      // the lists that the file has no more, of with_known()
};

/// For when there is no plan: the fallback file, with what was `known` of it before; if there is no upstream then, those of
/// the first of `resolv_confs` that has a nameserver.
FoundFallback load_fallback(const std::string& path, const std::vector<std::string>& resolv_confs,
                            const core::Fallback& known = {});

/// The resolv.conf files of systemd-resolved, of NetworkManager, and /etc/resolv.conf.
std::vector<std::string> host_resolv_confs();

}  // namespace postern::resolver
