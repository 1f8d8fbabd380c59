// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/snapshot_store.h"

#include <unistd.h>

#include <mutex>
#include <optional>
#include <utility>

#include "core/bytes.h"
#include "core/file_system.h"
#include "core/log.h"
#include "core/temporary_name.h"

namespace postern::agent {
namespace {

constexpr mode_t kMode = 0600;

/// The file operations, on any thread. A write that waited in the pool while a later one finished is dropped.
struct Files {
    explicit Files(std::string p) : path(std::move(p)) {}

    std::string path;
    std::mutex mutex;
    std::uint64_t written = 0;     // number of the last write
    bool present_is_good = false;  // only then may it replace the previous generation

    /// `full`: it has addresses; one without addresses never becomes the previous generation.
    core::Result<void> write(std::uint64_t number, const std::string& text, bool full) {
        const std::lock_guard lock(mutex);
        if (number < written) return {};
        if (present_is_good) keep_previous();
        const auto result = core::write_file(path, core::as_bytes(text), kMode, true);
        if (result) {
            // The first one has no previous generation: copy it, so that damage to one file never loses everything.
            const std::string previous = path + ".previous";
            if (full && ::access(previous.c_str(), F_OK) != 0)
                (void)core::write_file(previous, core::as_bytes(text), kMode, true);
            written = number;
            present_is_good = full;
        }
        return result;
    }
    /// By link and rename: both names exist at every moment.
    void keep_previous() const {
        const std::string previous = path + ".previous", temporary = core::temporary_beside(previous);
        ::unlink(temporary.c_str());
        if (::link(path.c_str(), temporary.c_str()) != 0) return;
        if (::rename(temporary.c_str(), previous.c_str()) != 0) ::unlink(temporary.c_str());
        ::unlink(temporary.c_str());  // rename leaves it if both names were already the same file
    }
};

}  // namespace

struct SnapshotStore::State : std::enable_shared_from_this<State> {
    core::Loop& loop;
    std::shared_ptr<Files> files;
    std::optional<Snapshot> queued;
    bool writing = false;
    std::uint64_t next_number = 1;
    core::Message problem;

    State(core::Loop& l, std::string path) : loop(l), files(std::make_shared<Files>(std::move(path))) {}

    void write_next() {
        if (writing || !queued) return;
        writing = true;
        struct Job {
            std::string text;
            bool full = false;
            core::Result<void> result;
        };
        auto job = std::make_shared<Job>();
        job->full = !queued->sources.empty();
        job->text = format_snapshot(*std::exchange(queued, std::nullopt));
        loop.run_in_pool(
            [job, f = files, number = next_number++] { job->result = f->write(number, job->text, job->full); },
            [job, weak = weak_from_this()] {
                const auto self = weak.lock();
                if (!self) return;
                self->writing = false;
                self->note(job->result);
                self->write_next();
            });
    }

    void note(const core::Result<void>& result) {
        const core::Message now = result ? core::Message() : result.error().whole();
        if (now == problem) return;
        if (!result) {
            core::log_warning("snapshot_write_failed", now, {{"path", files->path}});
        } else {
            core::log_info("snapshot_write_recovered", "the snapshot is written again", {{"path", files->path}});
        }
        problem = now;
    }
};

SnapshotStore::SnapshotStore(core::Loop& loop, std::string path)
    : state_(std::make_shared<State>(loop, std::move(path))) {}

SnapshotStore::~SnapshotStore() = default;

LoadedSnapshot SnapshotStore::load() {
    const std::string &path = state_->files->path, aside = path + ".unusable";
    LoadedSnapshot loaded = load_snapshot(path);
    // Damaged or a newer program's: set aside, so that the next write does not overwrite it.
    if (loaded.unusable && ::rename(path.c_str(), aside.c_str()) == 0)
        loaded.problems.front().hint = core::message("{}; it is kept as {}", loaded.problems.front().hint, aside);
    state_->files->present_is_good = loaded.found && !loaded.from_previous && !loaded.snapshot.sources.empty();
    return loaded;
}

void SnapshotStore::save(Snapshot snapshot) {
    state_->queued = std::move(snapshot);
    state_->write_next();
}

void SnapshotStore::flush() {
    if (!state_->queued) return;
    const bool full = !state_->queued->sources.empty();
    const std::string text = format_snapshot(*std::exchange(state_->queued, std::nullopt));
    state_->note(state_->files->write(state_->next_number++, text, full));
}

bool SnapshotStore::idle() const {
    return !state_->writing && !state_->queued;
}
core::Message SnapshotStore::problem() const {
    return state_->problem;
}

}  // namespace postern::agent
