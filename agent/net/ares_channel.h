// SPDX-License-Identifier: Apache-2.0
// One c-ares channel on our loop: questions about one name and one family, and what came of each. Its callbacks only
// record the result: no other code runs inside ares_*, so the channel may be destroyed anywhere else (c-ares 1.18
// re-enters callbacks when destroyed inside one). Loop thread; for lookup.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/ip_address.h"
#include "core/loop.h"
#include "core/message.h"

struct ares_channeldata;

namespace postern::agent {

/// In lower case, without the final dot.
std::string normal_name(std::string_view name);
/// Of a name in that form.
bool is_host_name(const std::string& text);

enum class AnswerEnd {
    kAnswered,
    kNoAddress,  // the name is there, with no address of the family
    kNoName,
    kTimeout,
    kFailed,
};
/// The servers said that there is none.
bool means_none(AnswerEnd end);

/// The result for one address family.
struct FamilyAnswer {
    static constexpr std::uint32_t kMaxTtlS = 300;
    AnswerEnd end = AnswerEnd::kAnswered;
    core::Message why;  // of kFailed, in words
    std::vector<core::IpAddress> addresses;
    std::uint32_t ttl_s = kMaxTtlS;
    std::vector<std::string> aliases;
};

struct Alias {
    std::string name;  // "": not an alias
    std::uint32_t ttl_s = FamilyAnswer::kMaxTtlS;
};

class AresChannel {
  public:
    AresChannel(core::Loop& loop, core::Clock& clock) : loop_(loop), timer_(clock) {}
    ~AresChannel();
    AresChannel(const AresChannel&) = delete;
    AresChannel& operator=(const AresChannel&) = delete;

    /// False when out of memory. Before the first question.
    bool open(const std::vector<core::SocketAddress>& servers);
    /// `family`: AF_INET or AF_INET6. `done` must only record the result.
    void ask(const std::string& host, int family, std::function<void(FamilyAnswer)> done);
    /// The CNAME target of `host`. `done` must only record the result.
    void ask_alias(const std::string& host, std::function<void(Alias)> done);
    bool drained() const { return pending_ == 0; }

  private:
    std::vector<core::SocketAddress> reachable(std::vector<core::SocketAddress> servers);
    bool use(const std::vector<core::SocketAddress>& servers);
    void watch(int fd, bool read, bool write);
    void rearm();

    core::Loop& loop_;
    core::Timer timer_;
    ares_channeldata* channel_ = nullptr;
    std::map<int, core::FdWatcher> watchers_;
    std::size_t pending_ = 0;
};

}  // namespace postern::agent
