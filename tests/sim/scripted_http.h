// SPDX-License-Identifier: Apache-2.0
// A transport for simulations: a function answers each request, after a delay on the fake clock.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "agent/net/http_transport.h"
#include "core/clock.h"

namespace postern::test {

class ScriptedHttp final : public agent::HttpTransport {
  public:
    using Script = std::function<core::Result<agent::HttpResponse>(const agent::HttpRequest&)>;

    ScriptedHttp(core::Clock& clock, Script script) : script_(std::move(script)), clock_(clock) {}
    ~ScriptedHttp() override {
        for (const auto& [id, alarm] : alarms_)
            clock_.cancel_alarm(alarm);
    }

    RequestId send(agent::HttpRequest request, Callback done) override {
        requests.push_back(request);
        const RequestId id = ++last_;
        alarms_[id] = clock_.set_alarm(clock_.mono_us() + delay_us,
                                       [this, id, request = std::move(request), done = std::move(done)] {
                                           alarms_.erase(id);
                                           const auto finish = done;  // may destroy us
                                           finish(script_(request));
                                       });
        return id;
    }
    void cancel(RequestId id) override {
        const auto it = alarms_.find(id);
        if (it == alarms_.end()) return;
        clock_.cancel_alarm(it->second);
        alarms_.erase(it);
    }
    /// Requests whose URL contains `part`.
    std::size_t count(const std::string& part) const {
        std::size_t n = 0;
        for (const auto& r : requests)
            n += r.url.find(part) != std::string::npos ? 1 : 0;
        return n;
    }
    void set_script(Script script) { script_ = std::move(script); }

    std::vector<agent::HttpRequest> requests;
    core::Micros delay_us = 5 * core::kMillisecond;

  private:
    Script script_;
    core::Clock& clock_;
    std::map<RequestId, core::Clock::AlarmId> alarms_;
    RequestId last_ = 0;
};

inline agent::HttpResponse reply(int status, std::string body,
                                 std::vector<std::pair<std::string, std::string>> headers = {}) {
    return {status, std::move(headers), std::move(body)};
}

inline std::string header_of(const agent::HttpRequest& request, const std::string& name) {
    for (const auto& [key, value] : request.headers) {
        if (key == name) return value;
    }
    return {};
}

}  // namespace postern::test
