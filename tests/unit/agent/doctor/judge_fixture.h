// SPDX-License-Identifier: Apache-2.0
// What the tests of several judges have in common: folding, and probes that went one way or the other.
#pragma once

#include <memory>
#include <string>

#include "agent/doctor/fold.h"
#include "agent/doctor/judge.h"

namespace postern::agent::doctor {

inline constexpr const char* kName = "gw-private.cloud.example.com";

inline core::IpAddress ip(const char* text) {
    return *core::IpAddress::parse(text);
}

/// "FAIL PN-X | WARN PN-Y", in order; what passed or was skipped is left out.
inline std::string troubles(Findings findings, const Findings& earlier = {}) {
    fold(earlier, findings);
    std::string out;
    for (const auto& f : findings) {
        if (f.state != State::kFail && f.state != State::kWarn) continue;
        out += (out.empty() ? "" : " | ") + std::string(to_string(f.state)) + " " + f.code;
    }
    return out;
}

inline std::string because(Findings findings, Step step, const Findings& earlier = {}) {
    fold(earlier, findings);
    for (const auto& f : findings) {
        if (f.step == step) return std::string(to_string(f.state)) + " " + f.because;
    }
    return "-";
}

inline PathSeen path(const char* address, probe::Reason reason, probe::Phase phase) {
    auto spec = std::make_shared<probe::ProbeSpec>();
    spec->host = spec->server_name = kName;
    PathSeen out{{"prod", ip(address), "zone-a", "ep-1", spec}, {}};
    out.result.link = "prod";
    out.result.ip = ip(address);
    out.result.ok = reason == probe::Reason::kNone;
    out.result.reason = reason;
    out.result.phase = phase;
    out.result.phase_us[0] = 1234;
    return out;
}

inline PathSeen good(const char* address) {
    return path(address, probe::Reason::kNone, probe::Phase::kCount);
}

}  // namespace postern::agent::doctor
