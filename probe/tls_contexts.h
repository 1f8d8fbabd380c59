// The TLS contexts of the process, one per CA file, loaded in libuv's pool before any clock of a probe starts and loaded
// again when the file changes. A file that becomes unreadable keeps the old context and is logged.
// Owned by the agent, loop thread only.
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

    explicit TlsContexts(core::Loop& loop);
    ~TlsContexts();

    /// The context, or why there is none. Calls `ready` at once if it is loaded (or the last try failed and the file is
    /// still the same), else after the pool has loaded it.
    void get(const std::string& ca_file, Ready ready);
    /// Loaded, nullptr otherwise.
    std::shared_ptr<const TlsContext> loaded(const std::string& ca_file) const;
    /// Looks whether a CA file (or the system's store) has changed since it was loaded and loads those anew. Cheap: a
    /// stat per file. Call it on SIGHUP and every minute or so.
    void reload_changed();

  private:
    struct Entry;
    void load(const std::shared_ptr<Entry>& entry);

    core::Loop& loop_;
    std::map<std::string, std::shared_ptr<Entry>> entries_;
    std::shared_ptr<bool> alive_;
};

}  // namespace postern::probe
