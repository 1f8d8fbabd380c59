// The files that a plan may come from: plans, the fallback file, and the host's own lists of nameservers.
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

/// The valid plan with the highest generation; of equal ones the current. `refused` hears of files that are
/// there but not valid.
std::optional<FoundPlan> choose_plan(const PlanPaths& paths, const RefusedFn& refused);

/// What is left without a plan: the fallback file, with the host managers' nameservers where it names no
/// upstream. `resolv_confs` are tried in order, the first that names a server counts.
core::Fallback load_fallback(const std::string& path, const std::vector<std::string>& resolv_confs);

/// Where systemd-resolved, NetworkManager and everybody else keep the nameservers.
std::vector<std::string> host_resolv_confs();

}  // namespace postern::resolver
