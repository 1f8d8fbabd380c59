// SPDX-License-Identifier: Apache-2.0
#include "core/file_watch.h"

#include <sys/stat.h>

#include "core/file_system.h"

namespace postern::core {
namespace {

constexpr Micros kLook = 500 * kMillisecond;

bool has_link(const std::string& path) {
    struct stat s {};
    for (auto end = path.find('/', 1);; end = path.find('/', end + 1)) {
        if (::lstat(path.substr(0, end).c_str(), &s) == 0 && S_ISLNK(s.st_mode)) return true;
        if (end == std::string::npos) return false;
    }
}

}  // namespace

FileWatch::FileWatch(Loop& loop, Clock& clock, std::string path, Looks looks)
    : loop_(loop), path_(std::move(path)), looks_(looks), look_(clock) {
    const auto slash = path_.rfind('/');
    name_ = slash == std::string::npos ? path_ : path_.substr(slash + 1);
}

FileWatch::Identity FileWatch::identity(const std::string& path) {
    struct stat s {};
    if (::stat(path.c_str(), &s) != 0) return {};
    const auto ns = [](const timespec& t) { return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec; };
    return {true, s.st_dev, s.st_ino, s.st_size, ns(s.st_mtim), ns(s.st_ctim)};
}

void FileWatch::start(std::function<void()> changed) {
    changed_ = std::move(changed);
    seen_ = identity(path_);
    watch_folder();
    look_later();
}

void FileWatch::stop() {
    event_.reset();
    look_.stop();
    alive_ = std::make_shared<bool>(true);
}

void FileWatch::look_later() {
    if (looks_ == Looks::kIfLinked && event_ && !has_link(path_)) return look_.stop();
    look_.start_in(kLook, [this] { look(); });
}

void FileWatch::look() {
    if (looks_ != Looks::kInPool) return check();
    auto found = std::make_shared<Identity>();
    loop_.run_in_pool([found, path = path_] { *found = identity(path); },
                      [this, found, before = checks_, alive = std::weak_ptr<bool>(alive_)] {
                          if (alive.expired()) return;
                          look_later();
                          if (checks_ == before) compare(*found);  // else an event has shown something newer
                      });
}

void FileWatch::watch_folder() {
    std::string folder = folder_of(path_);
    Identity found = identity(folder);
    while (!found.exists && folder != "/" && folder != ".") {
        folder = folder_of(folder);
        found = identity(folder);
    }
    // Compare device and inode only: the times of a folder change with every file in it.
    const bool same = event_ && folder == watched_ && found.device == folder_.device && found.inode == folder_.inode;
    if (same) return;
    watched_ = folder;
    folder_ = found;
    const int rc = event_.open(this, [&](uv_fs_event_t* h) { return uv_fs_event_init(loop_.raw(), h); });
    if (rc != 0) return;
    const int started = uv_fs_event_start(
        event_.get(),
        [](uv_fs_event_t* h, const char* name, int, int) {
            FileWatch* self = UvHandle<uv_fs_event_t, FileWatch>::owner(h);
            if (self == nullptr) return;
            // Ignore the other files of the folder: the stats file there is written five times a second.
            const bool whole_folder = self->watched_ == folder_of(self->path_);
            if (whole_folder && name != nullptr && self->name_ != name && folder_of(self->path_) != name &&
                self->identity(self->watched_).inode == self->folder_.inode) {
                return;
            }
            self->check();
        },
        watched_.c_str(), 0);
    if (started != 0) event_.reset();  // no inotify watch left: look() notices changes
}

void FileWatch::check() {
    ++checks_;
    watch_folder();
    if (looks_ != Looks::kInPool) look_later();
    compare(identity(path_));
}

void FileWatch::compare(const Identity& now) {
    if (now == seen_) return;
    seen_ = now;
    auto run = changed_;
    run();
}

}  // namespace postern::core
