// SPDX-License-Identifier: Apache-2.0
#include "agent/freeing/freer.h"

#include <algorithm>
#include <utility>

#include "agent/freeing/free_stream.h"
#include "core/log.h"

namespace postern::agent {

namespace {

constexpr Micros kWait = 5 * core::kSecond;  // for postern-free, which may have to start
constexpr Micros kPause = core::kSecond;

/// Of a single address: the next verdict or look changes it. The others hold for all.
bool is_passing(FreeRefusal refusal) {
    return refusal == FreeRefusal::kNotManaged || refusal == FreeRefusal::kNotAsked ||
           refusal == FreeRefusal::kAnswered || refusal == FreeRefusal::kAlone || refusal == FreeRefusal::kOutdated;
}

}  // namespace

void SocketAsker::ask(FreeRequest request, Done done) {
    auto reply = std::make_shared<FreeReply>();
    loop_.run_in_pool([reply, request, path = path_] { *reply = ask_postern_free(path, request, kWait); },
                      [reply, done = std::move(done)] { done(*reply); });
}

void Freer::looked(const ConnectionReport& report) {
    if (!report.known()) return;
    std::erase_if(freed_, [&](const auto& entry) {
        return std::none_of(report.targets.begin(), report.targets.end(),
                            [&](const TargetConnections& seen) { return seen.target == entry.first; });
    });
    wanted_.clear();
    later_.clear();
    again_.stop();
    const auto asked = outside_.to_free();
    if (asked.empty()) problem_ = FreeRefusal::kNone;
    for (const FreeTarget& free : asked) {
        const auto seen = std::find_if(report.targets.begin(), report.targets.end(),
                                       [&](const TargetConnections& t) { return t.target == free.target; });
        if (seen == report.targets.end()) continue;
        if (seen->all.stuck > 0 || (free.idle && seen->all.idle > 0)) wanted_.push_back(free.target);
        if (seen->all.timing_out > 0 && problem_ == FreeRefusal::kNone) outside_.look_soon();
    }
    ask_next();
}

void Freer::stop() {
    wanted_.clear();
    later_.clear();
    again_.stop();
}

std::uint64_t Freer::freed(const ConnectionTarget& target) const {
    const auto found = freed_.find(target);
    return found == freed_.end() ? 0 : found->second;
}

void Freer::ask_next() {
    if (asking_) return;
    if (wanted_.empty()) {
        if (later_.empty()) return;
        again_.start_in(kPause, [this] {
            wanted_ = std::exchange(later_, {});
            ask_next();
        });
        return;
    }
    const ConnectionTarget target = wanted_.front();
    wanted_.pop_front();
    asking_ = true;
    asker_.ask({target.address}, [this, target, alive = alive_](const FreeReply& reply) {
        if (*alive) answered(target, reply);
    });
}

void Freer::answered(const ConnectionTarget& target, const FreeReply& reply) {
    asking_ = false;
    const FreeRefusal problem = is_passing(reply.refusal) ? FreeRefusal::kNone : reply.refusal;
    if (problem != problem_ && problem != FreeRefusal::kNone) {
        core::log_warning("connections_not_freed", std::string(explain(problem)),
                          {{"refusal", std::string(to_string(problem))}, {"ip", target.address.ip.text()}});
    }
    problem_ = problem;
    if (reply.freed > 0) {
        freed_[target] += reply.freed;
        core::log_info("connections_freed", "lost connections of applications were ended",
                       {{"link", target.link},
                        {"ip", target.address.ip.text()},
                        {"freed", std::to_string(reply.freed)},
                        {"left", std::to_string(reply.left)}});
        outside_.look_soon();
    }
    if (reply.left > 0 && reply.refusal == FreeRefusal::kNone) later_.push_back(target);
    ask_next();
}

}  // namespace postern::agent
