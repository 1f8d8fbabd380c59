// SPDX-License-Identifier: Apache-2.0
#include "agent/net/lookup.h"

// Newer c-ares deprecates ares_query() (1.28) and ares_set_servers_ports() (1.34). The replacement of the first is
// not in 1.18, Debian 12's; both still work.
#define CARES_NO_DEPRECATED
#include <ares.h>
#include <arpa/nameser.h>
#include <netdb.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "core/bytes.h"
#include "core/printable.h"
#include "core/text.h"

namespace postern::agent {
namespace {

using core::Code;
using core::Error;
using core::IpAddress;
using core::Micros;
using core::SocketAddress;

// Two servers, two rounds, the second with twice the timeout: 3.6 s. Our own deadline cuts longer lists.
constexpr int kTryMs = 600;
constexpr int kTries = 2;
constexpr Micros kDeadline = Lookup::kMaxTime - 500 * core::kMillisecond;
constexpr std::uint32_t kMaxReuseS = 300;
constexpr std::uint32_t kPartialReuseS = 5;
constexpr std::size_t kMaxAddresses = 64;
constexpr std::size_t kMaxChain = 8;  // of aliases that we follow ourselves

/// In lower case, without the final dot.
std::string normal(std::string_view name) {
    std::string text = core::lowered(name);
    while (!text.empty() && text.back() == '.')
        text.pop_back();
    return text;
}

bool is_host_name(const std::string& text) {
    if (text.empty() || text.size() > 253) return false;
    std::size_t label = 0;
    for (const char c : text) {
        const bool dot = c == '.', word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (dot ? label == 0 : !word || label == 63) return false;
        label = dot ? 0 : label + 1;
    }
    return label > 0;
}

/// The result for one address family.
struct FamilyAnswer {
    int status = ARES_SUCCESS;
    std::vector<IpAddress> addresses;
    std::uint32_t ttl_s = kMaxReuseS;
    std::vector<std::string> aliases;
};

FamilyAnswer read_answer(int status, const ares_addrinfo* info) {
    FamilyAnswer out;
    out.status = status;
    if (status != ARES_SUCCESS || info == nullptr) return out;
    const auto least = [&](int ttl) { out.ttl_s = std::min(out.ttl_s, static_cast<std::uint32_t>(std::max(ttl, 0))); };
    for (const ares_addrinfo_cname* c = info->cnames; c != nullptr; c = c->next) {
        least(c->ttl);
        if (c->name != nullptr) out.aliases.push_back(normal(c->name));
    }
    for (const ares_addrinfo_node* n = info->nodes; n != nullptr && out.addresses.size() < kMaxAddresses;
         n = n->ai_next) {
        const auto address = SocketAddress::from(n->ai_addr);
        if (!address) continue;
        out.addresses.push_back(address->ip);
        least(n->ai_ttl);
    }
    return out;
}

struct Alias {
    std::string name;  // "": not an alias
    std::uint32_t ttl_s = kMaxReuseS;
};

/// The target of a CNAME. `reply` is a whole DNS message.
Alias alias_in(const unsigned char* reply, int size) {
    constexpr int kHeader = 12, kTypeAndClass = 4, kRecord = 10;
    const auto past_name = [&](int at, std::string* name) {
        char* text = nullptr;
        long taken = 0;
        if (at >= size || ares_expand_name(reply + at, reply, size, &text, &taken) != ARES_SUCCESS) return -1;
        if (name != nullptr) *name = normal(text);
        ares_free_string(text);
        return at + static_cast<int>(taken);
    };
    if (size < kHeader) return {};
    int at = past_name(kHeader, nullptr);
    if (at < 0) return {};
    at = past_name(at + kTypeAndClass, nullptr);
    if (at < 0 || at + kRecord > size || reply[at] != 0 || reply[at + 1] != ns_t_cname) return {};
    Alias out;
    out.ttl_s = std::min(out.ttl_s, core::load_be32(reply + at + kTypeAndClass));
    return past_name(at + kRecord, &out.name) < 0 || !is_host_name(out.name) ? Alias{} : out;
}

bool means_none(int status) {
    return status == ARES_ENODATA || status == ARES_ENOTFOUND;
}

}  // namespace

/// One c-ares channel on our loop. Its callbacks only record the result: no other code runs inside ares_*, so the
/// channel may be destroyed anywhere else (c-ares 1.18 re-enters callbacks when destroyed inside one).
class AresChannel {
  public:
    AresChannel(core::Loop& loop, core::Clock& clock) : loop_(loop), timer_(clock) {}
    ~AresChannel() {
        if (channel_ != nullptr) ares_destroy(channel_);  // pending callbacks get ARES_EDESTRUCTION
    }
    AresChannel(const AresChannel&) = delete;
    AresChannel& operator=(const AresChannel&) = delete;

    bool open(const std::vector<SocketAddress>& servers) {
        static std::once_flag once;
        std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
        static char lookups[] = "b";          // DNS only: /etc/hosts must not redirect cloud hosts
        static char no_file[] = "/dev/null";  // resolv.conf may name postern itself
        ares_options options{};
        options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
        options.timeout = kTryMs;
        options.tries = kTries;
        options.lookups = lookups;
        options.resolvconf_path = no_file;
        options.sock_state_cb = [](void* self, ares_socket_t fd, int read, int write) {
            static_cast<AresChannel*>(self)->watch(fd, read != 0, write != 0);
        };
        options.sock_state_cb_data = this;
        const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_RESOLVCONF |
                         ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE;
        if (ares_init_options(&channel_, &options, mask) != ARES_SUCCESS) {
            channel_ = nullptr;
            return false;
        }
        return use(reachable(servers));
    }

    /// c-ares knows no scope, but can bind its sockets to one interface: the servers without a scope, or if there are
    /// none, those of the first one's scope.
    std::vector<SocketAddress> reachable(std::vector<SocketAddress> servers) {
        const auto unscoped =
            std::find_if(servers.begin(), servers.end(), [](const auto& s) { return s.scope[0] == 0; });
        const auto scope =
            unscoped != servers.end() || servers.empty() ? SocketAddress::Scope{} : servers.front().scope;
        std::erase_if(servers, [&](const auto& s) { return s.scope != scope; });
        if (scope[0] != 0) ares_set_local_dev(channel_, scope.data());
        return servers;
    }

    bool use(const std::vector<SocketAddress>& servers) {
        std::vector<ares_addr_port_node> nodes(servers.size());
        for (std::size_t i = 0; i < servers.size(); ++i) {
            nodes[i].next = i + 1 < servers.size() ? &nodes[i + 1] : nullptr;
            nodes[i].family = servers[i].ip.is_v6() ? AF_INET6 : AF_INET;
            std::copy_n(servers[i].ip.data(), servers[i].ip.size(), reinterpret_cast<std::uint8_t*>(&nodes[i].addr));
            nodes[i].udp_port = nodes[i].tcp_port = servers[i].port;
        }
        return ares_set_servers_ports(channel_, nodes.data()) == ARES_SUCCESS;
    }

    /// `done` must only record the result.
    void ask(const std::string& host, int family, std::function<void(FamilyAnswer)> done) {
        struct Question {
            AresChannel* channel;
            std::function<void(FamilyAnswer)> done;
        };
        ares_addrinfo_hints hints{};
        hints.ai_family = family;
        hints.ai_socktype = SOCK_STREAM;
        hints.ai_flags = ARES_AI_NOSORT;  // sorting opens a socket to every address
        ++pending_;
        ares_getaddrinfo(
            channel_, host.c_str(), nullptr, &hints,
            [](void* arg, int status, int, ares_addrinfo* info) {
                const std::unique_ptr<Question> question(static_cast<Question*>(arg));
                --question->channel->pending_;
                // Being destroyed: the caller is, too.
                if (status != ARES_EDESTRUCTION) question->done(read_answer(status, info));
                if (info != nullptr) ares_freeaddrinfo(info);
            },
            new Question{this, std::move(done)});
        rearm();
    }
    /// The CNAME target of `host`. `done` must only record the result.
    void ask_alias(const std::string& host, std::function<void(Alias)> done) {
        struct Question {
            AresChannel* channel;
            std::function<void(Alias)> done;
        };
        ++pending_;
        ares_query(
            channel_, host.c_str(), ns_c_in, ns_t_cname,
            [](void* arg, int status, int, unsigned char* reply, int size) {
                const std::unique_ptr<Question> question(static_cast<Question*>(arg));
                --question->channel->pending_;
                if (status != ARES_EDESTRUCTION)
                    question->done(status == ARES_SUCCESS ? alias_in(reply, size) : Alias{});
            },
            new Question{this, std::move(done)});
        rearm();
    }
    bool drained() const { return pending_ == 0; }

  private:
    void watch(ares_socket_t fd, bool read, bool write) {
        if (!read && !write) {
            watchers_.erase(fd);  // c-ares closes the descriptor next
            return;
        }
        const int events = (read ? UV_READABLE : 0) | (write ? UV_WRITABLE : 0);
        watchers_[fd].start(loop_, fd, events, [this, fd, read, write](int status, int ready) {
            // On an error let c-ares read and write to find the cause.
            const bool r = status < 0 ? read : (ready & UV_READABLE) != 0;
            const bool w = status < 0 ? write : (ready & UV_WRITABLE) != 0;
            ares_process_fd(channel_, r ? fd : ARES_SOCKET_BAD, w ? fd : ARES_SOCKET_BAD);
            rearm();
        });
    }
    void rearm() {
        timeval wait{};
        if (pending_ == 0 || ares_timeout(channel_, nullptr, &wait) == nullptr) {
            timer_.stop();
            return;
        }
        const Micros delay = Micros{wait.tv_sec} * core::kSecond + wait.tv_usec + core::kMillisecond;
        timer_.start_in(delay, [this] {
            ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
            rearm();
        });
    }

    core::Loop& loop_;
    core::Timer timer_;
    ares_channel channel_ = nullptr;
    std::map<ares_socket_t, core::FdWatcher> watchers_;
    std::size_t pending_ = 0;
};

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
            question.v4 = question.v6 = FamilyAnswer{.status = ARES_ENOMEM};
            return wake();
        }
        question.deadline.start_in(kDeadline, [this, host] {
            const auto it = asked.find(host);
            if (it == asked.end()) return;
            if (!it->second->v4) it->second->v4 = FamilyAnswer{.status = ARES_ETIMEOUT};
            if (!it->second->v6) it->second->v6 = FamilyAnswer{.status = ARES_ETIMEOUT};
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
        const bool none = q.v4->status == ARES_ENODATA && q.v6->status == ARES_ENODATA;
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
            if (family->status != ARES_SUCCESS && !means_none(family->status)) out.partial = true;
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
        return failed(host, means_none(v4.status) ? v6.status : v4.status);
    }

    /// The last good addresses, else the error. "No such name" is an answer: old addresses would then be wrong.
    core::Result<LookupResult> failed(const std::string& host, int status) {
        const auto it = known.find(host);
        if (it != known.end() && !it->second.empty() && !means_none(status)) {
            return LookupResult{.addresses = it->second, .ttl_s = 0, .stale = true};
        }
        const std::string servers = core::joined(upstreams, [](const auto& upstream) { return upstream.text(); });
        if (means_none(status)) {
            absent.insert(host);
            return core::fail(
                Code::kDnsFailed,
                host + (status == ARES_ENODATA ? " has no address" : " does not exist") + ", say " + servers,
                "check the spelling; names of a private zone exist only inside their VPC, and resolvers "
                "with rebinding protection hide private addresses");
        }
        const std::string hint = "check the upstreams in [dns] and that UDP and TCP 53 to them are open";
        if (status == ARES_ETIMEOUT) {
            return core::fail(Code::kTimeout, "no answer about " + host + " from " + servers, hint);
        }
        return core::fail(Code::kDnsFailed, "cannot resolve " + host + " at " + servers + ": " + ares_strerror(status),
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
    const std::string name = normal(host);
    if (!is_host_name(name)) {
        return e.post(std::move(done), core::fail(Code::kUsage, "\"" + std::string(core::whole_characters(host, 300)) +
                                                                    "\" is not a host name"));
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
        return e.post(std::move(done), core::fail(Code::kDnsFailed, "no DNS server to ask about " + name,
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
    state_->cache.erase(normal(host));
}

bool AresLookup::is_absent(const std::string& host) const {
    return state_->absent.count(normal(host)) != 0;
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
