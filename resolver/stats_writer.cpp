// SPDX-License-Identifier: Apache-2.0
#include "resolver/stats_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/log.h"
#include "core/own_file.h"

namespace postern::resolver {
namespace {

constexpr core::Micros kInterval = 200 * core::kMillisecond;

}  // namespace

StatsWriter::StatsWriter(core::Clock& clock, core::Random& random, std::string path)
    : clock_(clock), path_(std::move(path)), timer_(clock) {
    page_.start_id = random.next64();
    page_.started_wall_us = clock.wall_us();
    page_.pid = static_cast<std::int32_t>(::getpid());
}

StatsWriter::~StatsWriter() = default;

void StatsWriter::schedule() {
    timer_.start_in(kInterval, [this] { write_now(); });
}

bool StatsWriter::open() {
    // Create the file again if it was removed or replaced (a cleaned tmpfs): the agent opens it by name.
    if (file_ && core::is_named(file_.get(), path_)) return true;
    // Not blocking: opening a FIFO would wait for its reader.
    file_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640));
    if (!file_) return false;
    // Regardless of the umask: the agent reads it by group. Fails for the file of an earlier run by another user.
    (void)::fchmod(file_.get(), 0640);
    // A longer record of another version is cut: readers refuse a file that is longer than theirs. Fails where it is no
    // file, which is not written.
    if (::ftruncate(file_.get(), sizeof page_) == 0) return true;
    const int error = errno;
    file_.reset();
    errno = error;
    return false;
}

void StatsWriter::write_now() {
    timer_.stop();
    if (path_.empty()) return;
    page_.updated_mono_us = clock_.mono_us();
    page_.write_end = ++page_.write_begin;
    const bool written = open() && ::pwrite(file_.get(), &page_, sizeof page_, 0) == static_cast<ssize_t>(sizeof page_);
    if (written) {
        warned_ = false;
        return;
    }
    count(page_, core::ResolverEvent::kStatsWriteFailed);
    if (!warned_) {
        core::log_warning("stats_write_failed", "cannot write " + path_ + ": " + std::strerror(errno) +
                                                    "; queries are answered, but the agent sees no counters");
    }
    warned_ = true;
}

void observe(core::StatsPage& page, core::Micros elapsed_us, std::uint64_t times) {
    const auto bound = std::lower_bound(core::kLatencyBoundsUs.begin(), core::kLatencyBoundsUs.end(), elapsed_us);
    page.latency_buckets[static_cast<std::size_t>(bound - core::kLatencyBoundsUs.begin())] += times;
    page.latency_sum_us += static_cast<std::uint64_t>(std::max<core::Micros>(elapsed_us, 0)) * times;
}

}  // namespace postern::resolver
