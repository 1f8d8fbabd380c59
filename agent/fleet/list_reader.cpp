// SPDX-License-Identifier: Apache-2.0
#include "agent/fleet/list_reader.h"

#include <algorithm>
#include <utility>

#include "core/log.h"

namespace postern::agent {
namespace {

constexpr Micros kOutOfTurnEvery = 2 * core::kSecond;

std::vector<PublicKey> keys_of(const FleetConfig& config) {
    std::vector<PublicKey> out;
    for (const auto& text : config.list_keys) {
        if (auto key = PublicKey::parse(text)) out.push_back(std::move(*key));
    }
    return out;
}

std::string time_text(Micros wall_us) {
    return core::format_utc(wall_us).substr(0, 19) + "Z";
}

}  // namespace

ListReader::ListReader(core::Clock& clock, core::Random& random, ObjectStore& store, Listener& listener)
    : clock_(clock), random_(random), store_(store), listener_(listener), beat_(clock) {}

ListReader::~ListReader() = default;

void ListReader::configure(const FleetConfig& config) {
    const FleetConfig old = std::exchange(config_, config);
    keys_ = keys_of(config_);
    const bool other =
        old.list_url != config_.list_url || old.name != config_.name || old.list_keys != config_.list_keys;
    if (other) {
        const ListNumber newest = old.name == config_.name ? status_.newest : ListNumber{};
        status_ = {};
        status_.newest = newest;
        etag_.clear();
        ++attempt_;
        fetching_ = false;
    }
    status_.configured = config_.configured();
    status_.fleet = config_.name;
    status_.only = config_.fleet_only;
    if (!status_.configured) return beat_.stop();
    place_ = *parse_object_place(config_.list_url);  // checked with the configuration
    status_.place = place_.text();
    if (running_ && (other || old.poll_interval_us != config_.poll_interval_us)) beat();
}

void ListReader::restore(const ListMark& mark) {
    if (mark.fleet == status_.fleet) status_.newest = std::max(status_.newest, mark.newest);
}

void ListReader::start() {
    running_ = true;
    if (status_.configured) beat();
}

void ListReader::stop() {
    running_ = false;
    beat_.stop();
}

Micros ListReader::wall_us() const {
    return clock_.wall_us() + store_.clock_offset_us();
}

/// From begin to begin, so that slow replies do not make it slower; the first ones spread hosts that were started together
/// over the whole interval.
void ListReader::beat() {
    const Micros interval = config_.poll_interval_us;
    const bool first = began_mono_us_ == 0;
    const Micros least = first ? interval / 10 : interval * 9 / 10, most = first ? interval : interval * 11 / 10;
    const Micros next = least + static_cast<Micros>(random_.below(static_cast<std::uint64_t>(most - least + 1)));
    beat_.start_in(next, [this] { beat(); });
    if (!fetching_) fetch();
}

void ListReader::fetch_now() {
    if (!running_ || !status_.configured || fetching_ || clock_.mono_us() - began_mono_us_ < kOutOfTurnEvery) return;
    fetch();
}

void ListReader::fetch() {
    fetching_ = true;
    began_mono_us_ = clock_.mono_us();
    store_.get(place_, etag_, kMaxListBytes,
               [this, alive = std::weak_ptr<bool>(alive_), attempt = ++attempt_](core::Result<StoredObject> object) {
                   if (alive.expired() || attempt != attempt_) return;
                   fetching_ = false;
                   fetched(std::move(object));
               });
}

void ListReader::fetched(core::Result<StoredObject> object) {
    ++status_.requests;
    if (!object) return fail(object.error());
    status_.answered_wall_us = clock_.wall_us();
    if (status_.unreachable) {
        core::log_info(
            "list_reached", "the list is read again: " + status_.place,
            {{"lasted_s", std::to_string((clock_.wall_us() - status_.trouble_since_wall_us) / core::kSecond)}});
        status_.unreachable.reset();
    }
    judge(*object);
}

void ListReader::judge(const StoredObject& object) {
    if (object.unchanged) {
        // What was refused stays so, unless it was for the time: then it is fetched whole, and judged again.
        const bool for_time = status_.refused && (status_.refused->problem == ListProblem::kFuture ||
                                                  status_.refused->problem == ListProblem::kExpired);
        if (for_time) etag_.clear();
        return over();
    }
    etag_ = object.etag;
    auto list = open_list(object.bytes, keys_, config_.name);
    if (!list) return refuse(list.error());
    if (const auto why = why_not_now(*list, status_.newest, wall_us())) return refuse(*why);
    const bool news = !status_.list || status_.list->number != list->number;
    const bool first = !status_.list;
    status_.refused.reset();
    status_.newest = list->number;
    status_.list = std::make_shared<const FleetList>(std::move(*list));
    if (news) {
        const FleetList& now = *status_.list;
        core::log_info(first ? "list_read" : "list_changed",
                       "the list of the fleet " + now.fleet + " has generation " +
                           std::to_string(now.number.generation) + " of " + time_text(now.number.written_wall_us),
                       {{"generation", std::to_string(now.number.generation)},
                        {"publisher", now.publisher},
                        {"endpoints", std::to_string(now.endpoints.size())}});
    }
    status_.asked = true;
    settle();
    if (news) listener_.list_news();
}

void ListReader::refuse(const ListRefusal& refusal) {
    const bool same = status_.refused && status_.refused->problem == refusal.problem;
    status_.refused = refusal;
    if (!same)
        core::log_warning("list_refused",
                          status_.place + " is not used (" + std::string(to_string(refusal.problem)) +
                              "): " + refusal.detail + "; the last known addresses stay in use",
                          {{"problem", std::string(to_string(refusal.problem))}});
    over();
}

void ListReader::fail(const core::Error& error) {
    ++status_.failures;
    const bool same = status_.unreachable && status_.unreachable->code == error.code;
    status_.unreachable = error;
    if (!same)
        core::log_warning("list_unreachable", error.text() + "; the last known addresses stay in use",
                          {{"code", std::string(to_string(error.code))}, {"place", status_.place}});
    over();
}

/// The attempt has ended without a list to use.
void ListReader::over() {
    settle();
    if (std::exchange(status_.asked, true)) return;
    listener_.list_news();
}

void ListReader::settle() {
    const bool trouble = status_.unreachable || status_.refused;
    if (!trouble) status_.trouble_since_wall_us = 0;
    if (trouble && status_.trouble_since_wall_us == 0) status_.trouble_since_wall_us = clock_.wall_us();
}

}  // namespace postern::agent
