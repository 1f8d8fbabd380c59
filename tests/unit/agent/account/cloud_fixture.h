// SPDX-License-Identifier: Apache-2.0
// The cloud's API and metadata service on loopback: each action is answered with what the test says.
#pragma once

#include <atomic>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "agent/account/session.h"
#include "core/log.h"
#include "tests/unit/agent/net/loopback.h"
#include "tests/unit/catch.h"

namespace postern::test {

using Parameters = std::map<std::string, std::string>;

class FakeCloud {
  public:
    FakeCloud() {
        core::capture_log([](core::Level, std::string_view, const std::string&) {});
        for (const auto& [name, value] : std::map<std::string, std::string>{
                 {"ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAIx"}, {"ALIBABA_CLOUD_ACCESS_KEY_SECRET", "a-secret-key"}})
            ::setenv(name.c_str(), value.c_str(), 1);
        config.aliyun.region = "cn-hangzhou";
        config.aliyun.api_endpoint = "http://127.0.0.1:" + std::to_string(server_.port());
        config.aliyun.metadata_url = config.aliyun.api_endpoint;
        session = std::make_unique<agent::CloudSession>(config, "", std::vector<core::SocketAddress>{},
                                                        [this] { return interrupted.load(); });
    }
    ~FakeCloud() {
        session.reset();
        ::unsetenv("ALIBABA_CLOUD_ACCESS_KEY_ID");
        ::unsetenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET");
        core::capture_log({});
    }

    /// What these actions were asked with, in order.
    std::vector<Parameters> asked(const std::string& action) const {
        std::vector<Parameters> out;
        for (const auto& [name, parameters] : seen_) {
            if (name == action) out.push_back(parameters);
        }
        return out;
    }

    agent::Config config;
    std::atomic<bool> interrupted = false;
    std::map<std::string, std::function<std::string(const Parameters&)>> actions;  // → JSON, or a whole HTTP reply
    std::map<std::string, std::string> metadata;                                   // by path; others are 404
    std::unique_ptr<agent::CloudSession> session;

  private:
    static std::string http(int status, const std::string& body) {
        return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
               "\r\n\r\n" + body;
    }
    static std::string decoded(const std::string& text) {
        std::string out;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] != '%') {
                out += text[i];
            } else {
                out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
                i += 2;
            }
        }
        return out;
    }
    static std::string header(const std::string& request, const std::string& name) {
        const auto at = request.find("\r\n" + name + ": ");
        if (at == std::string::npos) return "";
        const auto begin = at + name.size() + 4;
        return request.substr(begin, request.find("\r\n", begin) - begin);
    }
    std::string answer(const std::string& request) {
        const std::string target =
            request.substr(request.find(' ') + 1, request.find(" HTTP/") - request.find(' ') - 1);
        const std::string kMeta = "/latest/meta-data/";
        if (target.starts_with(kMeta)) {
            const auto it = metadata.find(target.substr(kMeta.size()));
            return it == metadata.end() ? http(404, "") : http(200, it->second);
        }
        if (request.starts_with("PUT ")) return http(200, "session");
        Parameters parameters;
        std::string query = target.substr(std::min(target.find('?'), target.size() - 1) + 1) + "&";
        for (std::size_t at = 0, end; (end = query.find('&', at)) != std::string::npos; at = end + 1) {
            const std::string one = query.substr(at, end - at);
            const auto equals = one.find('=');
            if (equals != std::string::npos)
                parameters[decoded(one.substr(0, equals))] = decoded(one.substr(equals + 1));
        }
        const std::string action = header(request, "x-acs-action");
        seen_.emplace_back(action, parameters);
        const auto it = actions.find(action);
        if (it == actions.end()) return http(400, R"({"Code":"NoPermission","Message":"no","RequestId":"R"})");
        const std::string reply = it->second(parameters);
        return reply.starts_with("HTTP/") ? reply : http(200, reply);
    }

    std::vector<std::pair<std::string, Parameters>> seen_;  // by the server's thread, read between calls
    HttpServer server_{[this](const std::string& request) { return answer(request); }};
};

}  // namespace postern::test
