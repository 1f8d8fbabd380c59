// SPDX-License-Identifier: Apache-2.0
// A book of verdicts with one link, and the reasons that its tests use.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "probe/verdict.h"
#include "tests/sim/fake_clock.h"

namespace postern::probe {

struct Book {
    test::FakeClock clock;
    VerdictBook book{clock};
    core::IpAddress ip = *core::IpAddress::parse("10.0.1.23");
    std::shared_ptr<ProbeSpec> spec = std::make_shared<ProbeSpec>();

    explicit Book(VerdictRule rule = {}) { targets({{"10.0.1.23"}}, rule); }
    void targets(const std::vector<std::string>& ips, VerdictRule rule = {}) {
        std::vector<ScheduledTarget> list;
        for (const std::string& text : ips)
            list.push_back({{"link", *core::IpAddress::parse(text), "", "", spec}, rule});
        book.set_targets(list);
    }
    ProbeResult result(Reason reason, core::Micros total_us = 3000, const char* address = nullptr) const {
        ProbeResult r;
        r.link = "link";
        r.ip = address != nullptr ? *core::IpAddress::parse(address) : ip;
        r.started_wall_us = clock.wall_us();
        r.ok = reason == Reason::kNone;
        r.reason = reason;
        r.total_us = total_us;
        r.certificate.present = true;
        r.certificate.chain_not_after_us = clock.wall_us() + 60 * core::kDay;
        return r;
    }
    Fold fold(Reason reason, core::Micros total_us = 3000) {
        clock.advance(core::kSecond);
        return book.fold(result(reason, total_us));
    }
    const AddressHealth& health() const { return *book.find("link", ip); }
    /// "up/up" after each of a comma-free list of reasons, in one string.
    std::string run(const std::vector<Reason>& reasons) {
        std::string out;
        for (const Reason reason : reasons) {
            const Fold f = fold(reason);
            out += (out.empty() ? "" : " ") + std::string(to_string(f.after.path)) + "/" +
                   std::string(to_string(f.after.service)) + (f.pace == Pace::kFast ? "!" : "");
        }
        return out;
    }
};

inline constexpr auto ok = Reason::kNone;
inline constexpr auto refused = Reason::kTcpRefused;
inline constexpr auto e5xx = Reason::kHttpStatus5xx;
inline constexpr auto auth = Reason::kSqlAuth;
inline constexpr auto token = Reason::kTokenMissing;
inline constexpr auto local = Reason::kLocalFdLimit;

}  // namespace postern::probe
