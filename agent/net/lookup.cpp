// SPDX-License-Identifier: Apache-2.0
#include "agent/net/lookup.h"

#include <sys/socket.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <set>
#include <utility>

#include "agent/net/ares_channel.h"
#include "core/printable.h"
#include "core/text.h"

namespace postern::agent {
namespace {

using core::Code;
using core::Error;
using core::IpAddress;
using core::Micros;
using core::SocketAddress;

constexpr Micros kDeadline = Lookup::kMaxTime - 500 * core::kMillisecond;
constexpr std::uint32_t kMaxReuseS = FamilyAnswer::kMaxTtlS;
constexpr std::uint32_t kPartialReuseS = 5;
constexpr std::size_t kMaxChain = 8;  // of aliases that we follow ourselves

}  // namespace

struct AresLookup::State {
    /// One host being resolved: both families, all waiting callers.
    struct Question {
        explicit Question(core::Clock& clock) : deadline(clock) {}
        std::vector<Callback> waiting;
        std::optional<FamilyAnswer> v4, v6;
        std::vector<std::string> aliases;  // followed so far: some servers leave CNAMEs to the client
        std::uint32_t aliases_ttl_s = kMaxReuseS;
        std::optional<Alias> alias;  // the CNAME target of the last name
        bool alias_asked = false;
        core::Timer deadline;
        std::uint64_t id = 0;
    };
    struct Kept {
        LookupResult result;
        Micros until_mono_us = 0;
    };

    core::Loop& loop;
    core::Clock& clock;
    std::vector<SocketAddress> upstreams;
    std::unique_ptr<AresChannel> channel;               // created by the first query
    std::vector<std::unique_ptr<AresChannel>> retired;  // finishing their queries
    std::map<std::string, std::unique_ptr<Question>> asked;
    std::map<std::string, Kept> cache;
    Known known;
    std::set<std::string> absent;  // that have no address, by their last answer
    std::deque<std::pair<Callback, core::Result<LookupResult>>> ready;
    core::Timer delivery;
    std::uint64_t next_id = 1;
    std::shared_ptr<bool> alive = std::make_shared<bool>(true);

    State(core::Loop& l, core::Clock& c) : loop(l), clock(c), delivery(c) {}

    void post(Callback done, core::Result<LookupResult> result) {
        ready.emplace_back(std::move(done), std::move(result));
        wake();
    }
    void wake() {
        if (!delivery.pending()) delivery.start_in(0, [this] { deliver(); });
    }
    /// Runs from the clock only, outside every ares_* call.
    void deliver() {
        settle();
        const auto still = alive;
        auto batch = std::exchange(ready, {});
        for (auto& [done, result] : batch) {
            done(std::move(result));
            if (!*still) return;
        }
        std::erase_if(retired, [](const auto& c) { return c->drained(); });
    }

    void ask(const std::string& host, Question& question) {
        if (channel == nullptr) {
            channel = std::make_unique<AresChannel>(loop, clock);
            if (!channel->open(upstreams)) channel.reset();
        }
        if (channel == nullptr) {
            question.v4 = question.v6 = FamilyAnswer{.end = AnswerEnd::kFailed, .why = "out of memory"};
            return wake();
        }
        question.deadline.start_in(kDeadline, [this, host] {
            const auto it = asked.find(host);
            if (it == asked.end()) return;
            if (!it->second->v4) it->second->v4 = FamilyAnswer{.end = AnswerEnd::kTimeout};
            if (!it->second->v6) it->second->v6 = FamilyAnswer{.end = AnswerEnd::kTimeout};
            wake();
        });
        ask_families(host, host, question.id);
    }

    /// Queries `host` itself or its CNAME target.
    void ask_families(const std::string& host, const std::string& name, std::uint64_t id) {
        for (const int family : {AF_INET, AF_INET6}) {
            channel->ask(name, family, [this, host, family, id](FamilyAnswer answer) {
                const auto it = asked.find(host);
                if (it == asked.end() || it->second->id != id) return;  // past its deadline
                auto& slot = family == AF_INET ? it->second->v4 : it->second->v6;
                if (!slot) slot = std::move(answer);
                wake();
            });
        }
    }

    /// A name without addresses may be a CNAME that the server did not follow. True while that is being checked.
    bool follows_alias(const std::string& host, Question& q) {
        const bool none = q.v4->end == AnswerEnd::kNoAddress && q.v6->end == AnswerEnd::kNoAddress;
        if (!none || channel == nullptr || q.aliases.size() == kMaxChain) return false;
        if (!std::exchange(q.alias_asked, true)) {
            channel->ask_alias(q.aliases.empty() ? host : q.aliases.back(), [this, host, id = q.id](Alias alias) {
                const auto it = asked.find(host);
                if (it == asked.end() || it->second->id != id) return;
                it->second->alias = std::move(alias);
                wake();
            });
        }
        if (!q.alias) return q.deadline.pending();
        if (q.alias->name.empty()) return false;
        q.aliases.push_back(q.alias->name);
        q.aliases_ttl_s = std::min(q.aliases_ttl_s, q.alias->ttl_s);
        q.alias.reset();
        q.v4.reset();
        q.v6.reset();
        q.alias_asked = false;
        ask_families(host, q.aliases.back(), q.id);
        return true;
    }

    /// Turns the queries that have both answers into results.
    void settle() {
        for (auto it = asked.begin(); it != asked.end();) {
            if (!it->second->v4 || !it->second->v6 || follows_alias(it->first, *it->second)) {
                ++it;
                continue;
            }
            auto node = asked.extract(it++);
            const auto result = judge(node.key(), *node.mapped());
            for (auto& done : node.mapped()->waiting)
                ready.emplace_back(std::move(done), result);
        }
    }

    core::Result<LookupResult> judge(const std::string& host, const Question& question) {
        const FamilyAnswer &v4 = *question.v4, &v6 = *question.v6;
        LookupResult out;
        out.ttl_s = question.aliases_ttl_s;
        out.aliases = question.aliases;
        for (const auto* family : {&v4, &v6}) {
            out.addresses.insert(out.addresses.end(), family->addresses.begin(), family->addresses.end());
            if (!family->addresses.empty()) out.ttl_s = std::min(out.ttl_s, family->ttl_s);
            if (out.aliases.empty()) out.aliases = family->aliases;
            if (family->end != AnswerEnd::kAnswered && !means_none(family->end)) out.partial = true;
        }
        std::sort(out.addresses.begin(), out.addresses.end());
        out.addresses.erase(std::unique(out.addresses.begin(), out.addresses.end()), out.addresses.end());
        absent.erase(host);
        if (!out.addresses.empty()) {
            if (!out.partial || known[host].empty()) known[host] = out.addresses;
            if (out.partial) out.ttl_s = std::min(out.ttl_s, kPartialReuseS);
            cache[host] = {out, clock.mono_us() + Micros{out.ttl_s} * core::kSecond};
            return out;
        }
        return failed(host, means_none(v4.end) ? v6 : v4);
    }

    /// The last good addresses, else the error. "No such name" is an answer: old addresses would then be wrong.
    core::Result<LookupResult> failed(const std::string& host, const FamilyAnswer& answer) {
        const auto it = known.find(host);
        if (it != known.end() && !it->second.empty() && !means_none(answer.end)) {
            return LookupResult{.addresses = it->second, .ttl_s = 0, .stale = true};
        }
        const std::string servers = core::joined(upstreams, [](const auto& upstream) { return upstream.text(); });
        if (means_none(answer.end)) {
            absent.insert(host);
            return core::fail(Code::kDnsFailed,
                              answer.end == AnswerEnd::kNoAddress
                                  ? core::message("{} has no address, say {}", host, servers)
                                  : core::message("{} does not exist, say {}", host, servers),
                              "check the spelling; names of a private zone exist only inside their VPC, and resolvers "
                              "with rebinding protection hide private addresses");
        }
        const char* hint = "check the upstreams in [dns] and that UDP and TCP 53 to them are open";
        if (answer.end == AnswerEnd::kTimeout) {
            return core::fail(Code::kTimeout, core::message("no answer about {} from {}", host, servers), hint);
        }
        return core::fail(Code::kDnsFailed, core::message("cannot resolve {} at {}: {}", host, servers, answer.why),
                          hint);
    }
};

AresLookup::AresLookup(core::Loop& loop, core::Clock& clock) : state_(std::make_unique<State>(loop, clock)) {}

AresLookup::~AresLookup() {
    *state_->alive = false;
}

void AresLookup::set_upstreams(const std::vector<SocketAddress>& upstreams) {
    if (state_->upstreams == upstreams) return;
    state_->upstreams = upstreams;
    state_->cache.clear();
    // c-ares refuses new servers while queries are in flight: a new channel replaces the old one, which
    // finishes its queries.
    if (state_->channel != nullptr) {
        state_->retired.push_back(std::move(state_->channel));
        state_->wake();
    }
}

void AresLookup::resolve(const std::string& host, Callback done) {
    State& e = *state_;
    if (const auto literal = IpAddress::parse(host)) {
        return e.post(std::move(done), LookupResult{.addresses = {*literal}, .ttl_s = kMaxReuseS});
    }
    const std::string name = normal_name(host);
    if (!is_host_name(name)) {
        return e.post(std::move(done),
                      core::fail(Code::kUsage, core::message("\"{}\" is not a host name",
                                                             std::string(core::whole_characters(host, 300)))));
    }
    if (name == "localhost" || name.ends_with(".localhost")) {  // RFC 6761: never sent to a server
        return e.post(std::move(done), LookupResult{.addresses = {IpAddress::v4(0x7f000001)}, .ttl_s = kMaxReuseS});
    }
    if (const auto it = e.cache.find(name); it != e.cache.end()) {
        if (const Micros left = it->second.until_mono_us - e.clock.mono_us(); left > 0) {
            LookupResult result = it->second.result;
            result.ttl_s = static_cast<std::uint32_t>((left + core::kSecond - 1) / core::kSecond);
            return e.post(std::move(done), std::move(result));
        }
        e.cache.erase(it);
    }
    if (e.upstreams.empty()) {
        e.absent.erase(name);
        const auto it = e.known.find(name);
        if (it != e.known.end() && !it->second.empty()) {
            return e.post(std::move(done), LookupResult{.addresses = it->second, .ttl_s = 0, .stale = true});
        }
        return e.post(std::move(done),
                      core::fail(Code::kDnsFailed, core::message("no DNS server to ask about {}", name),
                                 "set upstreams in [dns] to the servers of the host's network"));
    }
    auto& slot = e.asked[name];
    if (slot == nullptr) {
        slot = std::make_unique<State::Question>(e.clock);
        slot->id = e.next_id++;
        slot->waiting.push_back(std::move(done));
        e.ask(name, *slot);
    } else {
        slot->waiting.push_back(std::move(done));
    }
}

void AresLookup::forget(const std::string& host) {
    state_->cache.erase(normal_name(host));
}

bool AresLookup::is_absent(const std::string& host) const {
    return state_->absent.count(normal_name(host)) != 0;
}

AresLookup::Known AresLookup::known() const {
    return state_->known;
}

void AresLookup::remember(const Known& known) {
    for (const auto& [host, addresses] : known) {
        if (!addresses.empty()) state_->known.emplace(host, addresses);
    }
}

}  // namespace postern::agent
