// SPDX-License-Identifier: Apache-2.0
#include "agent/fleet/report_writer.h"

#include <algorithm>
#include <utility>

#include "core/log.h"

namespace postern::agent {
namespace {

Micros drawn(core::Random& random, Micros most) {
    return static_cast<Micros>(random.below(static_cast<std::uint64_t>(std::max<Micros>(most, 0)) + 1));
}

}  // namespace

ReportWriter::ReportWriter(core::Clock& clock, core::Random& random, ObjectStore& store)
    : clock_(clock), random_(random), store_(store), timer_(clock) {}

ReportWriter::~ReportWriter() = default;

void ReportWriter::configure(const FleetConfig& config) {
    const FleetConfig old = std::exchange(config_, config);
    const bool other = old.reports() != config_.reports() || old.name != config_.name ||
                       old.report_interval_us != config_.report_interval_us;
    if (!other && status_.configured) return;
    status_ = {};
    written_.clear();
    began_mono_us_ = due_mono_us_ = 0;
    writing_ = false;
    ++attempt_;
    timer_.stop();
    status_.configured = config_.reporting();
    if (!status_.configured) return;
    folder_ = *parse_folder_place(config_.reports());  // checked with the configuration
    status_.place = folder_.text();
    status_.fleet = config_.name;
    const Micros interval = config_.report_interval_us;
    backoff_ = core::Backoff(std::max<Micros>(report_gap(interval), core::kSecond), interval);
    if (running_ && report_) plan(drawn(random_, report_gap(interval)));
}

void ReportWriter::start() {
    running_ = true;
}

void ReportWriter::stop() {
    running_ = false;
    timer_.stop();
    due_mono_us_ = 0;
}

std::string ReportWriter::content() const {
    HostReport report = *report_;
    report.fleet = config_.name;
    report.interval_us = config_.report_interval_us;
    report.written_wall_us = 0;
    report.list_age_us = 0;
    return format_report(report);
}

std::string ReportWriter::now() const {
    if (!report_) return "";
    HostReport report = *report_;
    report.fleet = config_.name;
    report.interval_us = config_.report_interval_us;
    report.written_wall_us = clock_.wall_us() + store_.clock_offset_us();
    return format_report(report);
}

void ReportWriter::seen(HostReport report) {
    const bool first = !report_;
    report_ = std::move(report);
    if (!status_.configured || !running_ || writing_ || status_.problem) return;  // the next attempt takes it
    const Micros gap = report_gap(config_.report_interval_us);
    if (first || began_mono_us_ == 0) {
        if (due_mono_us_ == 0) plan(drawn(random_, gap));  // hosts that are started together
        return;
    }
    if (content() == written_) return;
    plan(std::max<Micros>(0, began_mono_us_ + gap - clock_.mono_us()) + drawn(random_, gap / 2));
}

/// The earlier of what is planned and this.
void ReportWriter::plan(Micros delay_us) {
    const Micros due = clock_.mono_us() + delay_us;
    if (due_mono_us_ != 0 && due_mono_us_ <= due) return;
    due_mono_us_ = due;
    timer_.start_at(due, [this] {
        due_mono_us_ = 0;
        write();
    });
}

void ReportWriter::write() {
    if (!report_ || writing_ || !running_) return;
    const std::string name = report_name(*report_);
    if (name.empty())
        return written(core::fail(core::Code::kConfigBadValue, "this host has neither a name nor an ID of the cloud",
                                  "give it a name: hostnamectl set-hostname NAME"),
                       "");
    writing_ = true;
    began_mono_us_ = clock_.mono_us();
    store_.put(beside(folder_, name), now(), ObjectStore::Put::kReplace,
               [this, alive = std::weak_ptr<bool>(alive_), attempt = ++attempt_,
                content = content()](const core::Result<StoredAs>& as) {
                   if (alive.expired() || attempt != attempt_) return;
                   writing_ = false;
                   written(as, content);
               });
}

void ReportWriter::written(const core::Result<StoredAs>& as, const std::string& content) {
    if (as) {
        ++status_.writes;
        status_.written_wall_us = clock_.wall_us();
        if (status_.problem)
            core::log_info(
                "report_written", "this host's report is written again: " + status_.place,
                {{"lasted_s", std::to_string((clock_.wall_us() - status_.trouble_since_wall_us) / core::kSecond)}});
        status_.problem.reset();
        status_.trouble_since_wall_us = 0;
        backoff_.reset();
        written_ = content;
        const Micros interval = config_.report_interval_us;
        plan(interval * 9 / 10 + drawn(random_, interval / 5));
        seen(std::move(*report_));  // it may have changed meanwhile
        return;
    }
    ++status_.failures;
    const bool same = status_.problem && status_.problem->code == as.error().code;
    if (!status_.problem) status_.trouble_since_wall_us = clock_.wall_us();
    status_.problem = as.error();
    if (!same)
        core::log_warning("report_not_written",
                          as.error().text() + "; nothing else depends on it, and it is tried again",
                          {{"code", std::string(to_string(as.error().code))}, {"place", status_.place}});
    due_mono_us_ = 0;
    plan(backoff_.next(random_));
}

}  // namespace postern::agent
