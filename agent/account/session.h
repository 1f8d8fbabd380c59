// SPDX-License-Identifier: Apache-2.0
// Blocking cloud calls for commands: the agent's API client on a loop of its own. Owned by the command, used
// on one thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/cloud/aliyun_api.h"
#include "agent/cloud/aliyun_reply.h"
#include "agent/cloud/credentials.h"
#include "agent/config/config.h"

namespace postern::agent {

class CloudSession {
  public:
    /// `region` "": from the configuration, else the instance's. `upstreams`: DNS servers for the API's names.
    /// `interrupted`: polled ten times a second; true ends a wait with kCancelled.
    CloudSession(const Config& config, const std::string& region, std::vector<core::SocketAddress> upstreams,
                 std::function<bool()> interrupted);
    ~CloudSession();

    /// One call; see AliyunApi::call. Refusals are explained by explain_operation().
    core::Result<JsonView> call(const AliyunProduct& product, const std::string& action, NameValues parameters,
                                const std::string& resource);
    /// All pages of a list. `read` returns a Result<Page<T>>. `request_id`: of the last page.
    template <class T, class Read>
    core::Result<std::vector<T>> pages(const AliyunProduct& product, const std::string& action,
                                       const NameValues& parameters, const std::string& resource, Read read,
                                       std::string* request_id = nullptr);
    /// The credentials in use. kCredentialsMissing, with every source and its reason, if there are none.
    core::Result<Credentials> credentials();
    /// A value of the metadata service.
    core::Result<std::string> metadata(const std::string& path);
    core::Result<InstanceIdentity> identity();

    /// False when interrupted, also earlier.
    bool sleep(Micros us);
    bool interrupted() const;
    Micros now_us() const;
    Micros wall_us() const;
    core::Random& random();
    /// The API's clock minus ours; 0 until it refused ours.
    Micros clock_offset_us() const;
    std::string region() const;  // "" until the first call, unless configured
    /// See is_stand_in().
    bool of_stand_in() const;
    /// The API's last refusal; empty if the failure was of another kind.
    const ApiError& refusal() const;

  private:
    template <class T>
    core::Result<T> wait_for(const std::function<void(std::function<void(core::Result<T>)>)>& start);
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

inline constexpr std::size_t kMaxListPages = 40;

template <class T, class Read>
core::Result<std::vector<T>> CloudSession::pages(const AliyunProduct& product, const std::string& action,
                                                 const NameValues& parameters, const std::string& resource, Read read,
                                                 std::string* request_id) {
    std::vector<T> all;
    std::set<std::string> tokens;  // a repeated one would page forever
    for (std::string token;;) {
        NameValues page_parameters = parameters;
        if (!token.empty()) page_parameters.emplace_back("NextToken", token);
        auto reply = call(product, action, std::move(page_parameters), resource);
        if (!reply) return core::fail(std::move(reply.error()));
        auto page = read(*reply);
        if (!page)
            return core::fail(core::Code::kApiBadReply, core::message("{}: {}", action, page.error().what),
                              "the API changed, or something else answers for it");
        for (auto& item : page->items)
            all.push_back(std::move(item));
        if (request_id != nullptr) *request_id = page->request_id;
        token = page->next_token;
        if (token.empty()) return all;
        if (!tokens.insert(token).second || tokens.size() > kMaxListPages) {
            return core::fail(core::Code::kApiBadReply, core::message("{}: its pages do not end", action),
                              "the API changed, or something else answers for it");
        }
    }
}

}  // namespace postern::agent
