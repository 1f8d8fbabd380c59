// SPDX-License-Identifier: Apache-2.0
#include "agent/steering/verdict_file.h"

#include <mutex>
#include <utility>

#include "core/file_system.h"
#include "core/log.h"

namespace postern::agent {
namespace {

constexpr std::size_t kMaxBytes = 8u << 20;
constexpr core::Micros kPause = 2 * core::kSecond;

}  // namespace

struct VerdictFile::Disk {
    std::string path;
    std::mutex mutex;
    std::uint64_t newest = 0;  // the last write that finished: jobs of the pool may overtake each other

    core::Result<void> write(std::uint64_t number, const std::string& text) {
        const std::lock_guard lock(mutex);
        if (number < newest) return {};
        newest = number;
        return core::write_file(path, core::as_bytes(text), 0600, /*durable=*/false);
    }
};

VerdictFile::VerdictFile(core::Loop& loop, core::Clock& clock, std::string path, std::function<std::string()> content)
    : loop_(loop),
      disk_(std::make_shared<Disk>()),
      content_(std::move(content)),
      alive_(std::make_shared<bool>(true)),
      pause_(clock),
      refresh_(clock) {
    disk_->path = std::move(path);
}

VerdictFile::~VerdictFile() {
    *alive_ = false;
}

void VerdictFile::restore(const std::function<core::Result<int>(const std::string&)>& take) const {
    const auto text = core::read_file(disk_->path, kMaxBytes);
    if (!text && text.error().code == core::Code::kFileMissing) return;
    const core::Result<int> taken = text ? take(*text) : core::fail(text.error());
    if (!taken) {
        core::log_warning("verdicts_unusable", "every address counts as healthy until it is probed",
                          {{"path", disk_->path}, {"error", taken.error().text()}});
    } else if (*taken > 0) {
        core::log_info("verdicts_restored", "the verdicts from before the restart are used",
                       {{"addresses", std::to_string(*taken)}});
    }
}

void VerdictFile::keep(core::Micros refresh_us) {
    kept_ = true;
    refresh_us_ = refresh_us;
    if (!refresh_.pending()) refresh_.start_in(refresh_us_, [this] { changed(); });
}

void VerdictFile::changed() {
    if (!kept_) return;
    again_ = true;
    if (!writing_ && !pause_.pending()) write();
}

void VerdictFile::write() {
    again_ = false;
    writing_ = true;
    refresh_.start_in(refresh_us_, [this] { changed(); });
    pause_.start_in(kPause, [this] {
        if (again_ && !writing_) write();
    });
    const auto result = std::make_shared<core::Result<void>>();
    loop_.run_in_pool(
        [disk = disk_, number = ++writes_, text = content_(), result] { *result = disk->write(number, text); },
        [this, alive = alive_, result] {
            if (*alive) done(*result);
        });
}

void VerdictFile::done(const core::Result<void>& result) {
    writing_ = false;
    const std::string now = result ? std::string() : result.error().text();
    if (now != std::exchange(problem_, now)) {
        if (now.empty()) {
            core::log_info("verdicts_write_recovered", "verdicts are saved again", {{"path", disk_->path}});
        } else {
            core::log_warning("verdicts_write_failed", now, {{"path", disk_->path}});
        }
    }
    if (again_ && !pause_.pending()) write();
}

void VerdictFile::flush() {
    if (!kept_) return;
    kept_ = false;
    refresh_.stop();
    pause_.stop();
    const auto result = disk_->write(++writes_, content_());
    if (!result) core::log_warning("verdicts_write_failed", result.error().text(), {{"path", disk_->path}});
}

}  // namespace postern::agent
