// SPDX-License-Identifier: Apache-2.0
#include "probe/tls_contexts.h"

#include <sys/stat.h>

#include <utility>

#include "core/file_watch.h"
#include "core/log.h"
#include "core/trust_store.h"

namespace postern::probe {
namespace {

/// Differs after a file was replaced or rewritten.
struct Stamp {
    ino_t inode = 0;
    off_t size = -1;
    timespec changed{};
    bool operator==(const Stamp& o) const {
        return inode == o.inode && size == o.size && changed.tv_sec == o.changed.tv_sec &&
               changed.tv_nsec == o.changed.tv_nsec;
    }
};

Stamp stamp_of(const std::string& path) {
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0) return {};
    return {st.st_ino, st.st_size, st.st_ctim};
}

std::string watched_file(const std::string& ca_file) {
    return ca_file.empty() ? core::system_trust_store().changes : ca_file;
}

}  // namespace

struct TlsContexts::Entry {
    std::string ca_file;
    std::shared_ptr<const TlsContext> context;
    core::Error error;  // of the last load, if it failed
    bool failed = false;
    bool tried = false;
    bool loading = false;
    Stamp stamp;  // of the file, taken before the last load
    std::unique_ptr<core::FileWatch> watch;
    std::vector<Ready> waiting;
};

TlsContexts::TlsContexts(core::Loop& loop, core::Clock* clock) : loop_(loop), clock_(clock) {}

void TlsContexts::get(const std::string& ca_file, Ready ready) {
    auto& entry = entries_[ca_file];
    if (!entry) {
        entry = std::make_shared<Entry>();
        entry->ca_file = ca_file;
    }
    if (entry->context) {
        ready(entry->context);
        return;
    }
    if (entry->tried && !entry->loading && stamp_of(watched_file(ca_file)) == entry->stamp) {
        ready(core::fail(entry->error));
        return;
    }
    entry->waiting.push_back(std::move(ready));
    watch(entry);
    load(entry);
}

std::shared_ptr<const TlsContext> TlsContexts::loaded(const std::string& ca_file) const {
    const auto it = entries_.find(ca_file);
    return it == entries_.end() ? nullptr : it->second->context;
}

std::vector<TlsContexts::Trouble> TlsContexts::troubles() const {
    std::vector<Trouble> out;
    for (const auto& [ca_file, entry] : entries_) {
        if (entry->failed) out.push_back({ca_file, entry->error, entry->context != nullptr});
    }
    return out;
}

void TlsContexts::reload_changed() {
    for (const auto& [ca_file, entry] : entries_) {
        if (entry->tried && !(stamp_of(watched_file(ca_file)) == entry->stamp)) load(entry);
    }
}

void TlsContexts::watch(const std::shared_ptr<Entry>& entry) {
    if (clock_ == nullptr || entry->watch != nullptr) return;
    entry->watch = std::make_unique<core::FileWatch>(loop_, *clock_, watched_file(entry->ca_file));
    entry->watch->start([this] { reload_changed(); });
}

void TlsContexts::load(const std::shared_ptr<Entry>& entry) {
    if (std::exchange(entry->loading, true)) return;
    entry->stamp = stamp_of(watched_file(entry->ca_file));
    using Loaded = core::Result<std::shared_ptr<const TlsContext>>;
    auto result = std::make_shared<Loaded>();
    loop_.run_in_pool([result, ca_file = entry->ca_file] { *result = TlsContext::load(ca_file); },
                      [weak = std::weak_ptr<Entry>(entry), result] {
                          const auto cached = weak.lock();  // nullptr: the cache was destroyed
                          if (!cached) return;
                          cached->loading = false;
                          cached->tried = true;
                          cached->failed = !*result;
                          if (*result) {
                              cached->context = **result;
                          } else {
                              cached->error = result->error();
                              core::log_warning("ca_file_unusable", cached->error.text(),
                                                {{"ca_file", cached->ca_file},
                                                 {"kept", cached->context ? "the one loaded before" : "nothing"}});
                          }
                          const auto waiting = std::exchange(cached->waiting, {});
                          for (const Ready& ready : waiting) {
                              if (cached->context) {
                                  ready(cached->context);
                              } else {
                                  ready(core::fail(cached->error));
                              }
                          }
                      });
}

}  // namespace postern::probe
