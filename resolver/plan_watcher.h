// SPDX-License-Identifier: Apache-2.0
// Decides which plan is used: at start the best one on disk, then every valid plan that appears at the current path;
// without any, the fallback file. Loop thread.
#pragma once

#include "core/file_watch.h"
#include "core/stats_page.h"
#include "resolver/plan_files.h"

namespace postern::resolver {

class PlanWatcher {
  public:
    /// Calls `use` with each plan to be used from then on, and `refused` after a plan was refused.
    PlanWatcher(core::Loop& loop, core::Clock& clock, PlanPaths paths, core::StatsPage& stats, std::uint64_t seed,
                std::function<void(PlanPointer)> use, std::function<void()> refused);

    void set_resolv_confs(std::vector<std::string> paths) { resolv_confs_ = std::move(paths); }
    /// Loads the first plan or the fallback, calls `use`, and starts to watch.
    void start();
    void stop();
    /// SIGHUP: reads all files again, changed or not. The durable plan never replaces a newer one in use.
    void reload();

  private:
    void plan_changed();
    void fallback_changed();
    void take(core::PlanView view, core::PlanSource source);
    void take_fallback();
    void refuse(const std::string& path, core::PlanSource source, core::PlanFault fault);

    core::Clock& clock_;
    PlanPaths paths_;
    core::StatsPage& stats_;
    std::uint64_t seed_;
    std::string boot_id_;
    std::vector<std::string> resolv_confs_ = host_resolv_confs();
    std::function<void(PlanPointer)> use_;
    std::function<void()> refused_;
    core::FileWatch plan_file_;
    core::FileWatch fallback_file_;
    bool has_plan_ = false;
    std::optional<core::Fallback> fallback_;  // in use, or used before a plan came
    core::Fallback fallback_known_;           // of its file, now or before
    std::string kept_;                        // of that, what the file has no more
    // Of the last plan:
    std::uint64_t generation_ = 0;
    std::uint64_t membership_ = 0;
    core::PlanSource source_ = core::PlanSource::kNone;
};

}  // namespace postern::resolver
