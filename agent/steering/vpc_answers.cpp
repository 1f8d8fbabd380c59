// SPDX-License-Identifier: Apache-2.0
#include "agent/steering/vpc_answers.h"

#include <algorithm>

#include "core/log.h"

namespace postern::agent {

using core::Micros;

/// One link's name.
class VpcAnswers::One {
  public:
    One(VpcAnswers& all, std::string link, std::string host)
        : all_(all), link_(std::move(link)), timer_(all.clock_), alive_(std::make_shared<bool>(true)) {
        answer_.host = std::move(host);
    }
    ~One() { *alive_ = false; }

    const std::string& host() const { return answer_.host; }

    void ask_in(Micros delay) {
        timer_.start_in(delay, [this] { ask(); });
    }
    void stop() {
        timer_.stop();
        asking_ = 0;
    }

    VpcAnswer judged() const {
        VpcAnswer out = answer_;
        judge_vpc_answer(out, all_.discovery_(link_));
        return out;
    }

    void compare() {
        const VpcAnswer now = judged();
        if (now.finding == told_ || now.finding == VpcFinding::kUnknown) return;
        told_ = now.finding;
        const bool good = told_ == VpcFinding::kSame || told_ == VpcFinding::kFewer;
        core::log(good ? core::Level::kInfo : core::Level::kWarning, "vpc_answer_changed", now.text,
                  {{"link", link_}, {"host", now.host}, {"finding", std::string(to_string(told_))}});
    }

  private:
    void ask() {
        // A question ends within Lookup::kMaxTime, which is shorter than any pause here.
        const std::uint64_t number = asking_ = ++questions_;
        ++answer_.attempts;
        ask_in(all_.pause(kEvery));
        all_.lookup_.forget(answer_.host);
        all_.lookup_.resolve(answer_.host, [this, number, alive = alive_](const core::Result<LookupResult>& found) {
            if (*alive && number == asking_) answered(found);
        });
    }

    void answered(const core::Result<LookupResult>& found) {
        asking_ = 0;
        const bool absent = !found && all_.lookup_.is_absent(answer_.host);
        if (!absent && (!found || found->stale)) {
            ++answer_.failures;
            ++answer_.failed_in_row;
            answer_.error =
                found ? core::Error{core::Code::kDnsFailed, "the upstreams fail", "check the upstreams in [dns]", 0}
                      : found.error();
            ask_in(all_.pause(kRetry));
        } else {
            answer_.failed_in_row = 0;
            answer_.error.reset();
            answer_.no_name = absent;
            answer_.partial = found && found->partial;
            answer_.addresses = found ? found->addresses : std::vector<core::IpAddress>{};
            std::sort(answer_.addresses.begin(), answer_.addresses.end());
            answer_.at_wall_us = all_.clock_.wall_us();
        }
        compare();
    }

    VpcAnswers& all_;
    std::string link_;
    VpcAnswer answer_;
    VpcFinding told_ = VpcFinding::kUnknown;
    std::uint64_t questions_ = 0, asking_ = 0;  // the one that is waited for; 0: none
    core::Timer timer_;
    std::shared_ptr<bool> alive_;
};

VpcAnswers::VpcAnswers(core::Clock& clock, core::Random& random, Lookup& lookup,
                       std::function<DiscoveryStatus(const std::string&)> discovery)
    : clock_(clock), random_(random), lookup_(lookup), discovery_(std::move(discovery)) {}
VpcAnswers::~VpcAnswers() = default;

/// ±10 %: hosts that were started together do not ask in step.
Micros VpcAnswers::pause(Micros least) const {
    const Micros pause = std::max<Micros>(least, static_cast<Micros>(links_.size()) * core::kSecond / kMaxPerSecond);
    return pause - pause / 10 + static_cast<Micros>(random_.below(static_cast<std::uint64_t>(pause / 5) + 1));
}

void VpcAnswers::configure(const std::vector<LinkConfig>& links) {
    std::map<std::string, std::unique_ptr<One>> kept;
    std::vector<One*> fresh;
    for (const LinkConfig& link : links) {
        if (link.answer) continue;
        auto& slot = kept[link.name];
        const auto known = links_.find(link.name);
        if (known != links_.end() && known->second->host() == link.host) {
            slot = std::move(known->second);
            continue;
        }
        slot = std::make_unique<One>(*this, link.name, link.host);
        fresh.push_back(slot.get());
    }
    links_ = std::move(kept);
    if (!started_) return;
    for (std::size_t i = 0; i < fresh.size(); ++i)
        fresh[i]->ask_in(static_cast<Micros>(i) * core::kSecond / kMaxPerSecond);
}

void VpcAnswers::start() {
    started_ = true;
    ask_now();
}

void VpcAnswers::stop() {
    started_ = false;
    for (auto& [link, one] : links_)
        one->stop();
}

void VpcAnswers::ask_now() {
    if (!started_) return;
    Micros delay = 0;
    for (auto& [link, one] : links_) {
        one->ask_in(delay);
        delay += core::kSecond / kMaxPerSecond;
    }
}

void VpcAnswers::compare(const std::string& link) {
    if (const auto found = links_.find(link); found != links_.end()) found->second->compare();
}

std::optional<VpcAnswer> VpcAnswers::find(const std::string& link) const {
    const auto found = links_.find(link);
    if (found == links_.end()) return std::nullopt;
    return found->second->judged();
}

}  // namespace postern::agent
