// SPDX-License-Identifier: Apache-2.0
#include "agent/fleet/listed_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/endpoint/endpoint_query.h"

namespace postern::agent {
namespace {

using core::Code;

}  // namespace

ListedSource::ListedSource(core::Clock& clock, core::Random& random, Provider& api, std::function<std::string()> vpc)
    : clock_(clock), random_(random), api_(api), vpc_(std::move(vpc)) {}

ListedSource::~ListedSource() = default;

void ListedSource::configure(const FleetConfig& config) {
    config_ = config;
    if (listing()) return;
    known_.clear();
    for (auto& [key, done] : std::exchange(waiting_, {}))
        api_.describe_endpoint(key, std::move(done));
}

bool ListedSource::listing() const {
    return reader_ != nullptr && config_.configured();
}

/// A search without a VPC means this host's.
std::string ListedSource::listed_key(const std::string& key) const {
    auto query = parse_query_key(key);
    if (!query || !query->vpc.empty()) return key;
    query->vpc = vpc_();
    return query->vpc.empty() ? std::string() : query_key(*query);
}

const EndpointReport* ListedSource::in_list(const std::string& key) const {
    const auto& list = reader_->status().list;
    if (!list || list->expired(reader_->wall_us())) return nullptr;
    const auto found = list->endpoints.find(listed_key(key));
    return found == list->endpoints.end() ? nullptr : &found->second;
}

core::Error ListedSource::why_not_listed(const std::string& key) const {
    const ListStatus& s = reader_->status();
    if (s.list && !s.list->expired(reader_->wall_us()))
        return {Code::kApiNotFound, core::message("the list {} has no {}", s.place, key),
                "add it to the publisher's configuration; the last known addresses stay in use", 0};
    if (s.unreachable) return *s.unreachable;
    if (s.list || (s.refused && s.refused->problem == ListProblem::kExpired))
        return {Code::kFileCorrupt, core::message("the list {} is past its time", s.place),
                "its publisher has stopped: postern publish run", 0};
    if (s.refused)
        return {Code::kFileCorrupt, core::message("the list {} is not used: {}", s.place, s.refused->detail),
                "postern doctor says what to do", 0};
    return {Code::kApiUnavailable, core::message("the list {} was not read yet", s.place), "", 0};
}

void ListedSource::describe_endpoint(const std::string& key, Callback done) {
    if (!listing()) return api_.describe_endpoint(key, std::move(done));
    if (!reader_->status().asked) {  // the first attempt is under way
        waiting_[key] = std::move(done);
        return;
    }
    Known& known = known_[key];
    if (const EndpointReport* report = in_list(key)) {
        known.last.reset();
        // Should the list be lost, then for all hosts at the same moment.
        known.next_mono_us = clock_.mono_us() + static_cast<Micros>(random_.below(kSlow));
        EndpointReport out = *report;
        if (out.search) out.endpoint_id = key;
        return done(std::move(out));
    }
    core::Error why = why_not_listed(key);
    if (config_.fleet_only) {
        // Not "no such endpoint", which would withdraw it: the cloud has not said so.
        if (why.code == Code::kApiNotFound) why.code = Code::kApiRejected;
        return done(core::fail(std::move(why)));
    }
    const Micros now = clock_.mono_us();
    if (now >= std::max(known.next_mono_us, api_.not_before_mono_us())) return ask_api(key, std::move(done));
    if (known.last) return done(*known.last);
    if (why.code == Code::kApiNotFound) why.code = Code::kApiRejected;
    done(core::fail(std::move(why)));
}

void ListedSource::ask_api(const std::string& key, Callback done) {
    known_[key].next_mono_us = core::kNever;  // until it has answered
    api_.describe_endpoint(key, [this, key, alive = std::weak_ptr<bool>(alive_),
                                 done = std::move(done)](core::Result<EndpointReport> report) {
        if (alive.expired()) return;
        if (const auto it = known_.find(key); it != known_.end()) answered(it->second, report);
        done(std::move(report));
    });
}

void ListedSource::answered(Known& known, const core::Result<EndpointReport>& report) {
    const Micros now = clock_.mono_us();
    if (!report) {
        known.next_mono_us = now + known.backoff.next(random_);
        return;
    }
    known.backoff.reset();
    known.next_mono_us = now + kSlow * 9 / 10 + static_cast<Micros>(random_.below(kSlow / 5));
    known.last = *report;
    known.last->written_wall_us = clock_.wall_us();  // when it is given again it is as old as that
}

void ListedSource::list_news() {
    if (!listing()) return;
    const auto alive = std::weak_ptr<bool>(alive_);
    for (auto& [key, done] : std::exchange(waiting_, {})) {
        describe_endpoint(key, std::move(done));
        if (alive.expired()) return;
    }
    std::vector<std::string> keys;
    for (const auto& [key, known] : known_)
        keys.push_back(key);
    for (const auto& key : keys) {
        if (alive.expired()) return;
        if (tell_) tell_(key);
    }
}

void ListedSource::forget(const std::string& key) {
    known_.erase(key);
    waiting_.erase(key);
    api_.forget(key);
}

RequestCounts ListedSource::requests() const {
    RequestCounts out = api_.requests();
    if (reader_ == nullptr || !reader_->status().configured) return out;
    const ListStatus& s = reader_->status();
    out[{"list", "ok"}] = s.requests - s.failures;
    if (s.failures > 0) out[{"list", "failed"}] = s.failures;
    return out;
}

SourcePace ListedSource::pace(const std::string& key) const {
    if (!listing()) return api_.pace(key);
    return {config_.poll_interval_us, config_.poll_interval_us};
}

}  // namespace postern::agent
