// SPDX-License-Identifier: Apache-2.0
#include "agent/steering/verdict_file.h"

#include <utility>

#include "core/file_system.h"
#include "core/log.h"

namespace postern::agent {
namespace {

constexpr std::size_t kMaxBytes = 8u << 20;
constexpr core::Micros kPause = 2 * core::kSecond;

}  // namespace

VerdictFile::VerdictFile(core::Loop& loop, core::Clock& clock, std::string path, std::function<std::string()> content)
    : file_(loop, std::move(path), StateFile::Durable::kNo, [this](const core::Result<void>& r) { written(r); }),
      content_(std::move(content)),
      pause_(clock),
      refresh_(clock) {}

void VerdictFile::restore(const std::function<core::Result<int>(const std::string&)>& take) const {
    const auto text = core::read_file(file_.path(), kMaxBytes);
    if (!text && text.error().code == core::Code::kFileMissing) return;
    const core::Result<int> taken = text ? take(*text) : core::fail(text.error());
    if (!taken) {
        core::log_warning("verdicts_unusable", "every address counts as healthy until it is probed",
                          {{"path", file_.path()}, {"error", taken.error().text()}});
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
    if (!pause_.pending()) write();
}

void VerdictFile::write() {
    again_ = false;
    refresh_.start_in(refresh_us_, [this] { changed(); });
    pause_.start_in(kPause, [this] {
        if (again_) write();
    });
    file_.write(content_());
}

void VerdictFile::written(const core::Result<void>& result) {
    const std::string now = result ? std::string() : result.error().text();
    if (now == std::exchange(problem_, now)) return;
    if (now.empty()) {
        core::log_info("verdicts_write_recovered", "verdicts are saved again", {{"path", file_.path()}});
    } else {
        core::log_warning("verdicts_write_failed", now, {{"path", file_.path()}});
    }
}

void VerdictFile::flush() {
    if (!kept_) return;
    kept_ = false;
    refresh_.stop();
    pause_.stop();
    file_.write_now(content_());
}

}  // namespace postern::agent
