// SPDX-License-Identifier: Apache-2.0
#include "agent/steering/state_file.h"

#include <mutex>
#include <optional>
#include <utility>

#include "core/bytes.h"
#include "core/file_system.h"

namespace postern::agent {
namespace {

struct Disk {
    std::string path;
    bool durable;
    std::mutex mutex;
    std::uint64_t newest = 0;  // the last write that finished: write_now() may overtake one in the pool

    core::Result<void> write(std::uint64_t number, const std::string& text) {
        const std::lock_guard lock(mutex);
        if (number < newest) return {};
        newest = number;
        return core::write_file(path, core::as_bytes(text), 0600, durable);
    }
};

}  // namespace

struct StateFile::State : std::enable_shared_from_this<State> {
    core::Loop& loop;
    std::shared_ptr<Disk> disk = std::make_shared<Disk>();
    std::function<void(const core::Result<void>&)> written;
    std::optional<std::string> waits;
    bool writing = false;
    std::uint64_t writes = 0;

    State(core::Loop& l, std::string path, bool durable, std::function<void(const core::Result<void>&)> w)
        : loop(l), written(std::move(w)) {
        disk->path = std::move(path);
        disk->durable = durable;
    }

    void write_next() {
        if (writing || !waits) return;
        writing = true;
        const auto result = std::make_shared<core::Result<void>>();
        loop.run_in_pool([d = disk, number = ++writes, text = *std::exchange(waits, std::nullopt),
                          result] { *result = d->write(number, text); },
                         [weak = weak_from_this(), result] {
                             const auto self = weak.lock();
                             if (!self) return;
                             self->writing = false;
                             self->written(*result);
                             self->write_next();
                         });
    }
};

StateFile::StateFile(core::Loop& loop, std::string path, Durable durable,
                     std::function<void(const core::Result<void>&)> written)
    : state_(std::make_shared<State>(loop, std::move(path), durable == Durable::kYes, std::move(written))) {}

StateFile::~StateFile() = default;

void StateFile::write(std::string text) {
    state_->waits = std::move(text);
    state_->write_next();
}

void StateFile::write_now(const std::string& text) {
    state_->waits.reset();
    state_->written(state_->disk->write(++state_->writes, text));
}

void StateFile::flush() {
    if (state_->waits) write_now(*std::exchange(state_->waits, std::nullopt));
}

const std::string& StateFile::path() const {
    return state_->disk->path;
}

}  // namespace postern::agent
