// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/zones_files.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "agent/cloud/aliyun_reply.h"
#include "core/file_system.h"
#include "core/log.h"

namespace postern::agent {
namespace {

using core::Code;
using core::Micros;

constexpr std::size_t kMaxFile = 1 << 20;
// A file read this soon after its time stamp may change again within the same tick, or be incomplete.
constexpr Micros kSettles = 2 * core::kSecond;

}  // namespace

core::Result<EndpointReport> parse_zones_file(const std::string& path, std::string_view text) {
    const auto json = JsonView::parse(text);
    const auto page = json.and_then(read_zones_page);
    if (!page) {
        return core::fail(Code::kFileCorrupt, core::message("{} holds {}", path, page.error().what),
                          "it must be the reply of ListVpcEndpointZones as it came");
    }
    if (!page->next_token.empty()) {
        return core::fail(Code::kFileCorrupt, core::message("{} is only the first page of a reply", path),
                          "ask with MaxResults=50 and put the zones of all pages together");
    }
    EndpointReport out{
        .endpoint_id = path, .status = "Active", .business_status = "Normal", .connection_status = "Connected"};
    out.zones = page->zones;
    out.request_id = page->request_id;
    if (const JsonView written = json->at("WrittenAt"); !written.is_null()) {
        out.written_wall_us = core::parse_utc(written.text());
        if (out.written_wall_us <= 0) {
            return core::fail(Code::kFileCorrupt,
                              core::message("{} does not say when it was written: WrittenAt is no time", path),
                              "expected the form 2026-11-30T08:00:00Z, as postern endpoint export writes it; the last "
                              "good one stays in use");
        }
    }
    return out;
}

ZonesFiles::ZonesFiles(core::Clock& clock, core::Loop* loop) : clock_(clock), loop_(loop) {}

ZonesFiles::~ZonesFiles() = default;

ZonesFiles::File& ZonesFiles::watched(const std::string& path) {
    File& file = files_[path];
    if (file.watch == nullptr && loop_ != nullptr) {
        file.watch = std::make_unique<core::FileWatch>(*loop_, clock_, path, core::FileWatch::Looks::kInPool);
        file.watch->start([this, path] { changed(path); });
    }
    return file;
}

/// On any thread. No state: the file does not exist.
ZonesFiles::Job ZonesFiles::look(const std::string& path, const std::optional<Known>& known) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) {
        return {{},
                core::fail(errno == ENOENT ? Code::kFileMissing : Code::kFileUnreadable,
                           core::message("cannot read {}", path), "it is read as soon as it is back", errno)};
    }
    if (!S_ISREG(info.st_mode)) {  // opening a pipe would block
        return {
            {},
            core::fail(Code::kFileUnreadable, core::message("{} is not a file", path), "it must be a regular file")};
    }
    const State state{info.st_ino, info.st_size,
                      Micros{info.st_mtim.tv_sec} * core::kSecond + info.st_mtim.tv_nsec / 1000};
    const bool settled = known && known->read_wall_us - state.changed_wall_us > kSettles;
    if (settled && known->state == state) return {state, known->report};
    const auto text = core::read_file(path, kMaxFile);
    if (!text) return {state, core::fail(text.error())};
    return {state, parse_zones_file(path, *text)};
}

core::Result<EndpointReport> ZonesFiles::judge(File& file, Job job) const {
    if (!job.state) {
        file.known.reset();
        return std::move(job.report);
    }
    const auto before = std::exchange(file.problem, std::nullopt);
    const Micros now = clock_.wall_us(), age = now - job.state->changed_wall_us;
    if (job.report) {
        file.known = Known{*job.state, now, *job.report};
        return std::move(job.report);
    }
    const bool being_written = job.report.error().code == Code::kFileCorrupt && age >= 0 && age < kSettles;
    if (being_written && file.known) {  // neither new content nor an error yet
        file.problem = before;
        if (before) return core::fail(*before);
        return file.known->report;
    }
    file.problem = job.report.error();
    return std::move(job.report);
}

core::Result<EndpointReport> ZonesFiles::read_now(const std::string& path) {
    return look(path, std::nullopt).report;
}

void ZonesFiles::read(const std::string& path, Provider::Callback done) {
    File& file = watched(path);
    if (loop_ == nullptr) return done(judge(file, look(path, file.known)));
    if (const auto under_way = file.reading.lock()) {
        *under_way = std::move(done);
        return;
    }
    const auto reading = std::make_shared<Provider::Callback>(std::move(done));
    file.reading = reading;
    auto job = std::make_shared<std::optional<Job>>();
    loop_->run_in_pool([job, path, known = file.known] { *job = look(path, known); },
                       [this, alive = std::weak_ptr<bool>(alive_), job, path, reading] {
                           if (alive.expired()) return;
                           const auto tell = std::move(*reading);
                           const auto it = files_.find(path);
                           if (it == files_.end()) return tell(std::move((*job)->report));  // forgotten meanwhile
                           it->second.reading.reset();
                           tell(judge(it->second, std::move(**job)));
                       });
}

}  // namespace postern::agent
