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

core::Fallback load_fallback(const std::string& path, const std::vector<std::string>& resolv_confs) {
    core::Fallback out;
    if (!path.empty()) {
        if (const auto text = core::read_file(path, core::kMaxFallbackBytes)) out = core::parse_fallback(*text);
    }
    for (const auto& conf : resolv_confs) {
        if (!out.upstreams.empty()) break;
        if (const auto text = core::read_file(conf, kMaxResolvConf)) {
            out.upstreams = core::parse_fallback(*text).upstreams;
            std::erase_if(out.upstreams, [&](const core::SocketAddress& a) {
                return std::find(out.listen.begin(), out.listen.end(), a) != out.listen.end();
            });
        }
    }
    return out;
}

std::vector<std::string> host_resolv_confs() {
    return {"/run/systemd/resolve/resolv.conf", "/run/NetworkManager/resolv.conf", "/etc/resolv.conf"};
}

}  // namespace postern::resolver
