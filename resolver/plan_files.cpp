// SPDX-License-Identifier: Apache-2.0
#include "resolver/plan_files.h"

#include <algorithm>

#include "core/file_system.h"

namespace postern::resolver {
namespace {

constexpr std::size_t kMaxResolvConf = 64 * 1024;

}  // namespace

std::optional<FoundPlan> choose_plan(const PlanPaths& paths, const RefusedFn& refused) {
    std::optional<FoundPlan> best;
    for (std::size_t i = 0; i < paths.plans.size(); ++i) {
        const auto source = i == 0 ? core::PlanSource::kCurrent : core::PlanSource::kDurable;
        auto plan = core::PlanView::load(paths.plans[i]);
        if (!plan) {
            if (plan.error() != core::PlanFault::kMissing) refused(paths.plans[i], source, plan.error());
        } else if (!best || plan->generation > best->view.generation) {
            best.emplace(FoundPlan{std::move(*plan), source});
        }
    }
    return best;
}

FoundFallback load_fallback(const std::string& path, const std::vector<std::string>& resolv_confs,
                            const core::Fallback& known) {
    core::Fallback in_file;
    if (!path.empty()) {
        if (const auto text = core::read_file(path, core::kMaxFallbackBytes)) in_file = core::parse_fallback(*text);
    }
    FoundFallback out;
    out.known = core::with_known(std::move(in_file), known, &out.kept);
    out.lists = out.known;
    auto& upstreams = out.lists.upstreams;
    const auto& own = out.lists.listen;
    for (const auto& conf : resolv_confs) {
        if (!upstreams.empty()) break;
        if (const auto text = core::read_file(conf, kMaxResolvConf)) {
            upstreams = core::parse_fallback(*text).upstreams;
            std::erase_if(upstreams, [&](const core::SocketAddress& a) {
                return std::find(own.begin(), own.end(), a) != own.end();
            });
        }
    }
    return out;
}

std::vector<std::string> host_resolv_confs() {
    return {"/run/systemd/resolve/resolv.conf", "/run/NetworkManager/resolv.conf", "/etc/resolv.conf"};
}

}  // namespace postern::resolver
