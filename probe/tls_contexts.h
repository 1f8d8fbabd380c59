// SPDX-License-Identifier: Apache-2.0
// The TLS contexts of the process, one per CA file, loaded in libuv's pool before an attempt begins, and again when
// the file changes. When it can't be read any more the old context stays in use, and that is logged. Owned by the
// agent, loop thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/loop.h"
#include "probe/tls_session.h"

namespace postern::probe {

class TlsContexts {
  public:
    using Ready = std::function<void(const core::Result<std::shared_ptr<const TlsContext>>&)>;

    /// With a clock the files are watched. Without one (commands) only reload_changed() looks at them.
    explicit TlsContexts(core::Loop& loop, core::Clock* clock = nullptr);

    /// Calls `ready` with the context or an error: from inside if it is loaded or if the file that could not be
    /// loaded has not changed, else after loading it in the pool. `ca_file` "": the system's store.
    void get(const std::string& ca_file, Ready ready);
    /// The context if it is loaded, else nullptr.
    std::shared_ptr<const TlsContext> loaded(const std::string& ca_file) const;
    /// Loads those again whose CA file (or system store) has changed; one stat per file. To be called on SIGHUP, and from
    /// time to time, as the system's store may get another file.
    void reload_changed();

    /// A CA file whose last load failed.
    struct Trouble {
        std::string ca_file;  // "": the system's store
        core::Error error;
        bool kept = false;  // the one loaded before is still used
    };
    std::vector<Trouble> troubles() const;

  private:
    struct Entry;
    void watch(const std::shared_ptr<Entry>& entry);
    void load(const std::shared_ptr<Entry>& entry);

    core::Loop& loop_;
    core::Clock* clock_;
    std::map<std::string, std::shared_ptr<Entry>> entries_;
};

}  // namespace postern::probe
