// SPDX-License-Identifier: Apache-2.0
#include "agent/account/session.h"

#include "agent/account/operation_error.h"
#include "agent/cloud/clients.h"
#include "core/loop.h"

namespace postern::agent {
namespace {

constexpr Micros kLookForInterruption = 100 * core::kMillisecond;

}  // namespace

struct CloudSession::Parts {
    Parts(const Config& config, AliyunOptions options, const std::vector<core::SocketAddress>& upstreams,
          std::function<bool()> stop)
        : stand_in(is_stand_in(config.aliyun)),
          interrupted(std::move(stop)),
          clock(loop),
          lookup(loop, clock),
          cloud(loop, clock, random, lookup, config.aliyun),
          api(std::make_unique<AliyunApi>(clock, random, cloud.http, *cloud.credentials, cloud.metadata,
                                          std::move(options))),
          turn(clock) {
        lookup.set_upstreams(upstreams);
        keep_turning();
    }
    /// A signal only sets a flag: the loop must wake up to see it.
    void keep_turning() {
        turn.start_in(kLookForInterruption, [this] { keep_turning(); });
    }

    bool stand_in;
    std::function<bool()> interrupted;
    core::Loop loop;  // before everything that uses it
    core::SystemClock clock;
    core::SystemRandom random;
    AresLookup lookup;
    CloudStack cloud;
    std::unique_ptr<AliyunApi> api;
    core::Timer turn;
    ApiError refusal;
};

CloudSession::CloudSession(const Config& config, const std::string& region, std::vector<core::SocketAddress> upstreams,
                           std::function<bool()> interrupted)
    : parts_(std::make_unique<Parts>(config,
                                     AliyunOptions{region.empty() ? config.aliyun.region : region,
                                                   config.aliyun.api_endpoint, config.aliyun.ca_file},
                                     std::move(upstreams), std::move(interrupted))) {}

CloudSession::~CloudSession() = default;

template <class T>
core::Result<T> CloudSession::wait_for(const std::function<void(std::function<void(core::Result<T>)>)>& start) {
    // On the heap: the answer may still come after an interruption.
    const auto answer = std::make_shared<std::optional<core::Result<T>>>();
    if (!interrupted()) start([answer](core::Result<T> result) { answer->emplace(std::move(result)); });
    while (!*answer && !interrupted())
        parts_->loop.run_once();
    if (!*answer) return core::fail(core::Code::kCancelled, "interrupted");
    return std::move(**answer);
}

core::Result<JsonView> CloudSession::call(const AliyunProduct& product, const std::string& action,
                                          NameValues parameters, const std::string& resource) {
    parts_->refusal = {};
    return wait_for<JsonView>([&](std::function<void(core::Result<JsonView>)> done) {
        parts_->api->call(product, action, parameters, resource, std::move(done),
                          [parts = parts_.get()](const ApiError& error, const ApiContext& context) {
                              parts->refusal = error;
                              return explain_operation(error, context);
                          });
    });
}

core::Result<Credentials> CloudSession::credentials() {
    return wait_for<Credentials>(
        [&](std::function<void(core::Result<Credentials>)> done) { parts_->cloud.credentials->get(std::move(done)); });
}

Micros CloudSession::clock_offset_us() const {
    return parts_->api->clock_offset_us();
}

core::Result<std::string> CloudSession::metadata(const std::string& path) {
    return wait_for<std::string>([&](std::function<void(core::Result<std::string>)> done) {
        parts_->cloud.metadata.get(path, std::move(done));
    });
}

core::Result<InstanceIdentity> CloudSession::identity() {
    return wait_for<InstanceIdentity>([&](std::function<void(core::Result<InstanceIdentity>)> done) {
        parts_->cloud.metadata.identity(std::move(done));
    });
}

bool CloudSession::sleep(Micros us) {
    core::Timer timer(parts_->clock);
    bool over = false;
    timer.start_in(us, [&over] { over = true; });
    while (!over && !interrupted())
        parts_->loop.run_once();
    return !interrupted();
}

bool CloudSession::interrupted() const {
    return parts_->interrupted();
}
Micros CloudSession::now_us() const {
    return parts_->clock.mono_us();
}
Micros CloudSession::wall_us() const {
    return parts_->clock.wall_us();
}
core::Random& CloudSession::random() {
    return parts_->random;
}
std::string CloudSession::region() const {
    return parts_->api->region();
}
bool CloudSession::of_stand_in() const {
    return parts_->stand_in;
}
const ApiError& CloudSession::refusal() const {
    return parts_->refusal;
}

}  // namespace postern::agent
