// SPDX-License-Identifier: Apache-2.0
// The drains on disk, <state_dir>/drains.json: they outlive the agent and the host's uptime. Written durably at every
// change; read once, at the start, as untrusted input. Owned by the app, loop thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/steering/drains.h"
#include "agent/steering/state_file.h"
#include "core/error.h"
#include "core/loop.h"
#include "core/message.h"

namespace postern::agent {

inline constexpr int kDrainsVersion = 1;

std::string format_drains(const std::vector<Drain>& drains);
/// kFileCorrupt: damage, another program's file, a newer version, or what no postern would have written. Any bytes.
core::Result<std::vector<Drain>> parse_drains(std::string_view text);

class DrainFile {
  public:
    DrainFile(core::Loop& loop, std::string path);

    /// None if there is no file. One that can't be used is renamed to PATH.unusable, as nothing else can tell what was
    /// drained.
    std::vector<Drain> load();
    void save(const std::vector<Drain>& drains) { file_.write(format_drains(drains)); }
    /// Writes what waits, on this thread (at exit).
    void flush() { file_.flush(); }
    /// "" or why the file could not be read or written last; for StatusSnapshot::warnings.
    const core::Message& problem() const { return problem_; }

  private:
    void written(const core::Result<void>& result);

    StateFile file_;
    core::Message problem_;
    bool write_failed_ = false;
};

}  // namespace postern::agent
