// SPDX-License-Identifier: Apache-2.0
#include "agent/fleet/fleet_watch.h"

#include <utility>

namespace postern::agent {

FleetWatch::FleetWatch(core::Clock& clock, ObjectStore& store)
    : clock_(clock), reader_(clock, store), forget_(clock), tell_later_(clock) {}

void FleetWatch::configure(const FleetConfig& config) {
    const std::string place = config.reports();
    if (place == place_ && config.name == fleet_) return;
    place_ = place;
    fleet_ = config.name;
    configured_ = !place.empty();
    reports_.reset();
    problem_.reset();
    began_mono_us_ = 0;
    if (configured_ && !reader_.reading()) reader_.configure(*parse_folder_place(place), config.name);
}

void FleetWatch::look() {
    if (!configured_) return;
    forget_.start_in(kKept, [this] {
        if (!reader_.reading()) reports_.reset();
    });
    const bool due = began_mono_us_ == 0 || clock_.mono_us() - began_mono_us_ >= kEvery;
    if (reader_.reading() || !due) return;
    began_mono_us_ = clock_.mono_us();
    reader_.configure(*parse_folder_place(place_), fleet_);
    reader_.read([this](core::Result<FleetReports> result) { read(std::move(result)); });
}

void FleetWatch::when_read(std::weak_ptr<bool> alive, std::function<void()> tell) {
    std::erase_if(waiting_, [](const auto& one) { return one.first.expired(); });
    waiting_.emplace_back(std::move(alive), std::move(tell));
}

void FleetWatch::read(core::Result<FleetReports> result) {
    if (result && result->fleet == fleet_ && configured_ && result->place == parse_folder_place(place_)->text()) {
        reports_ = std::make_shared<const FleetReports>(std::move(*result));
        problem_.reset();
    } else if (!result) {
        problem_ = std::move(result.error());
    } else {
        began_mono_us_ = 0;  // configured otherwise meanwhile
    }
    // A store may have answered from inside look().
    tell_later_.start_in(0, [this] {
        for (const auto& [alive, tell] : std::exchange(waiting_, {})) {
            if (!alive.expired()) tell();
        }
    });
}

}  // namespace postern::agent
