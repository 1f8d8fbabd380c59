// SPDX-License-Identifier: Apache-2.0
#include "agent/net/ares_channel.h"

// Newer c-ares deprecates ares_query() (1.28) and ares_set_servers_ports() (1.34). The replacement of the first is
// not in 1.18, Debian 12's; both still work.
#define CARES_NO_DEPRECATED
#include <ares.h>
#include <arpa/nameser.h>
#include <netdb.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

#include "core/bytes.h"
#include "core/text.h"

namespace postern::agent {
namespace {

using core::Micros;
using core::SocketAddress;

// Two servers, two rounds, the second with twice the timeout: 3.6 s. The lookup's own deadline cuts longer lists.
constexpr int kTryMs = 600;
constexpr int kTries = 2;
constexpr std::size_t kMaxAddresses = 64;

AnswerEnd end_of(int status) {
    switch (status) {
        case ARES_SUCCESS:
            return AnswerEnd::kAnswered;
        case ARES_ENODATA:
            return AnswerEnd::kNoAddress;
        case ARES_ENOTFOUND:
            return AnswerEnd::kNoName;
        case ARES_ETIMEOUT:
            return AnswerEnd::kTimeout;
        default:
            return AnswerEnd::kFailed;
    }
}

FamilyAnswer read_answer(int status, const ares_addrinfo* info) {
    FamilyAnswer out;
    out.end = end_of(status);
    if (out.end == AnswerEnd::kFailed) out.why = ares_strerror(status);
    if (status != ARES_SUCCESS || info == nullptr) return out;
    const auto least = [&](int ttl) { out.ttl_s = std::min(out.ttl_s, static_cast<std::uint32_t>(std::max(ttl, 0))); };
    for (const ares_addrinfo_cname* c = info->cnames; c != nullptr; c = c->next) {
        least(c->ttl);
        if (c->name != nullptr) out.aliases.push_back(normal_name(c->name));
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

/// The target of a CNAME. `reply` is a whole DNS message.
Alias alias_in(const unsigned char* reply, int size) {
    constexpr int kHeader = 12, kTypeAndClass = 4, kRecord = 10;
    const auto past_name = [&](int at, std::string* name) {
        char* text = nullptr;
        long taken = 0;
        if (at >= size || ares_expand_name(reply + at, reply, size, &text, &taken) != ARES_SUCCESS) return -1;
        if (name != nullptr) *name = normal_name(text);
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

}  // namespace

std::string normal_name(std::string_view name) {
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

bool means_none(AnswerEnd end) {
    return end == AnswerEnd::kNoAddress || end == AnswerEnd::kNoName;
}

AresChannel::~AresChannel() {
    if (channel_ != nullptr) ares_destroy(channel_);  // pending callbacks get ARES_EDESTRUCTION
}

bool AresChannel::open(const std::vector<SocketAddress>& servers) {
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
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_RESOLVCONF |
               ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE;
#ifdef ARES_OPT_QUERY_CACHE
    options.qcache_max_ttl = 0;  // lookup keeps answers, and forgets them when asked to
    mask |= ARES_OPT_QUERY_CACHE;
#endif
    if (ares_init_options(&channel_, &options, mask) != ARES_SUCCESS) {
        channel_ = nullptr;
        return false;
    }
    return use(reachable(servers));
}

/// c-ares knows no scope, but can bind its sockets to one interface: the servers without a scope, or if there are
/// none, those of the first one's scope.
std::vector<SocketAddress> AresChannel::reachable(std::vector<SocketAddress> servers) {
    const auto unscoped = std::find_if(servers.begin(), servers.end(), [](const auto& s) { return s.scope[0] == 0; });
    const auto scope = unscoped != servers.end() || servers.empty() ? SocketAddress::Scope{} : servers.front().scope;
    std::erase_if(servers, [&](const auto& s) { return s.scope != scope; });
    if (scope[0] != 0) ares_set_local_dev(channel_, scope.data());
    return servers;
}

bool AresChannel::use(const std::vector<SocketAddress>& servers) {
    std::vector<ares_addr_port_node> nodes(servers.size());
    for (std::size_t i = 0; i < servers.size(); ++i) {
        nodes[i].next = i + 1 < servers.size() ? &nodes[i + 1] : nullptr;
        nodes[i].family = servers[i].ip.is_v6() ? AF_INET6 : AF_INET;
        std::copy_n(servers[i].ip.data(), servers[i].ip.size(), reinterpret_cast<std::uint8_t*>(&nodes[i].addr));
        nodes[i].udp_port = nodes[i].tcp_port = servers[i].port;
    }
    return ares_set_servers_ports(channel_, nodes.data()) == ARES_SUCCESS;
}

void AresChannel::ask(const std::string& host, int family, std::function<void(FamilyAnswer)> done) {
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

void AresChannel::ask_alias(const std::string& host, std::function<void(Alias)> done) {
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
            if (status != ARES_EDESTRUCTION) question->done(status == ARES_SUCCESS ? alias_in(reply, size) : Alias{});
        },
        new Question{this, std::move(done)});
    rearm();
}

void AresChannel::watch(int fd, bool read, bool write) {
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

void AresChannel::rearm() {
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

}  // namespace postern::agent
