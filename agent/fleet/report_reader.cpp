// SPDX-License-Identifier: Apache-2.0
#include "agent/fleet/report_reader.h"

#include <utility>

namespace postern::agent {
namespace {

using core::Code;

constexpr std::size_t kMostFailures = 2 * ReportReader::kParallel;  // then the store is taken for down
constexpr std::string_view kEnd = ".json";

}  // namespace

ReportReader::ReportReader(core::Clock& clock, ObjectStore& store) : clock_(clock), store_(store), deadline_(clock) {}

ReportReader::~ReportReader() = default;

void ReportReader::configure(const ObjectPlace& folder, std::string fleet) {
    if (!(folder_ == folder) || fleet_ != fleet) known_.clear();
    folder_ = folder;
    fleet_ = std::move(fleet);
}

void ReportReader::read(Done done) {
    done_ = std::move(done);
    out_ = {.place = folder_.text(), .fleet = fleet_};
    to_fetch_.clear();
    found_.clear();
    next_ = fetching_ = 0;
    began_mono_us_ = clock_.mono_us();
    const auto attempt = ++reading_;
    deadline_.start_in(kLongest, [this] {
        if (!out_.problem)
            out_.problem = core::Error{Code::kTimeout,
                                       core::message("the reports in {} could not all be read in {} s", folder_.text(),
                                                     kLongest / core::kSecond),
                                       "see whether the store is slow, or far away", 0};
        out_.unread += to_fetch_.size() - next_ + fetching_;
        finish();
    });
    store_.list(folder_, kMaxReports,
                [this, alive = std::weak_ptr<bool>(alive_), attempt](core::Result<StoredNames> names) {
                    if (alive.expired() || attempt != reading_ || !done_) return;
                    listed(std::move(names));
                });
}

void ReportReader::listed(core::Result<StoredNames> names) {
    if (!names) return give(core::fail(std::move(names.error())));
    out_.more = names->more;
    for (auto& object : names->objects) {
        if (!object.key.ends_with(kEnd)) continue;  // something else, in the same folder
        const auto known = known_.find(object.key);
        if (known != known_.end() && !object.etag.empty() && known->second.etag == object.etag) {
            out_.reports.push_back(known->second.report);
            found_.insert(known_.extract(known));
        } else if (object.size > kMaxReportBytes) {
            out_.refused.push_back({object.key, ReportProblem::kLarge});
        } else {
            to_fetch_.push_back(std::move(object));
        }
    }
    fetch_more();
}

void ReportReader::fetch_more() {
    if (std::exchange(starting_, true)) return;
    const auto attempt = reading_;
    const bool down = out_.reports.empty() && out_.unread >= kMostFailures;
    while (fetching_ < kParallel && next_ < to_fetch_.size() && !down) {
        ++fetching_;
        const ListedObject& object = to_fetch_[next_++];
        store_.get(beside(folder_, object.key), "", kMaxReportBytes,
                   [this, alive = std::weak_ptr<bool>(alive_), attempt, object](core::Result<StoredObject> got) {
                       if (alive.expired() || attempt != reading_ || !done_) return;
                       --fetching_;
                       fetched(object, std::move(got));
                       fetch_more();
                   });
    }
    starting_ = false;
    if (fetching_ > 0 || (next_ < to_fetch_.size() && !down)) return;
    out_.unread += to_fetch_.size() - next_;
    finish();
}

void ReportReader::fetched(const ListedObject& object, core::Result<StoredObject> got) {
    if (got) return take(object, got->bytes, got->etag);
    const core::Error& error = got.error();
    if (error.code == Code::kApiNotFound) return;  // taken away meanwhile
    if (error.code == Code::kTooLarge) {
        out_.refused.push_back({object.key, ReportProblem::kLarge});
        return;
    }
    ++out_.unread;
    if (!out_.problem) out_.problem = error;
}

void ReportReader::take(const ListedObject& object, std::string_view bytes, const std::string& etag) {
    auto report = read_report(bytes, object.key, fleet_, clock_.wall_us() + store_.clock_offset_us());
    if (!report) {
        out_.refused.push_back({object.key, report.error()});
        return;
    }
    // As the list has it: a store may write the two differently.
    if (!object.etag.empty() && (etag.empty() || etag == object.etag)) found_[object.key] = {object.etag, *report};
    out_.reports.push_back(std::move(*report));
}

void ReportReader::finish() {
    out_.read_wall_us = clock_.wall_us() + store_.clock_offset_us();
    out_.took_us = clock_.mono_us() - began_mono_us_;
    known_ = std::exchange(found_, {});
    give(std::move(out_));
}

void ReportReader::give(core::Result<FleetReports> result) {
    deadline_.stop();
    ++reading_;
    const auto done = std::exchange(done_, {});
    done(std::move(result));  // may begin anew
}

}  // namespace postern::agent
