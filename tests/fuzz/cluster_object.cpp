// SPDX-License-Identifier: Apache-2.0
// Any bytes as an object of a cluster. Whatever it is: no crash; what postern did not make is not touched; zones of others
// stay to the letter; a slice is never without a ready address; and what was done need not be done again.
#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "agent/k8s/custom_dns.h"
#include "agent/k8s/kube_reply.h"
#include "agent/k8s/lease.h"
#include "agent/k8s/objects.h"
#include "core/bytes.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::agent::k8s;
using Json = nlohmann::json;
using What = ObjectStep::What;

namespace {

constexpr core::Micros kNow = 1767323045LL * core::kSecond;

void expect(bool good) {
    if (!good) std::abort();
}

/// As the server has it after the step.
JsonView after(const JsonView& there, const ObjectStep& step) {
    Json now = Json::parse(there.dump());
    now.merge_patch(Json::parse(step.body));
    return *JsonView::parse(now.dump(), 8u << 20, 64);
}

void services(const JsonView& there, unsigned seed) {
    ServiceWish wish{"db", "ns", "db", "db.example.com", 443, {}};
    wish.addresses = {{*core::IpAddress::parse("10.0.1.23"), "zone-a", seed % 2 == 0},
                      {*core::IpAddress::parse("10.0.2.9"), "", seed % 3 == 0 || seed % 2 == 1}};
    const auto service = service_step(wish, there);
    const auto slice = slice_step(wish, false, there);
    for (const auto& step : {service, slice}) {
        expect(step.what == What::kNothing || step.what == What::kChange || step.what == What::kForeign);
        expect(is_ours(there) || step.what == What::kForeign);
    }
    if (slice.what == What::kChange) {
        const auto now = after(there, slice);
        expect(slice_step(wish, false, now).what == What::kNothing);
        bool ready = false;
        for (const auto& endpoint : now.at("endpoints").items())
            ready = ready || endpoint.at("conditions").at("ready").boolean() == true;
        expect(ready);
    }
    if (service.what == What::kChange) expect(service_step(wish, after(there, service)).what == What::kNothing);
    expect(is_ours(there) || removal_step({Kind::kService, "db"}, there).what == What::kNothing);
}

void custom_dns(const JsonView& there) {
    const auto plan = plan_custom_dns({{"db.example.com", {*core::IpAddress::parse("10.0.1.23")}}}, there, kNow);
    (void)settles_in(there, kNow);
    if (plan.step.what != What::kChange) return;
    const auto now = after(there, plan.step);
    expect(plan_custom_dns({{"db.example.com", {*core::IpAddress::parse("10.0.1.23")}}}, now, kNow).step.what ==
           What::kNothing);
    const auto before = there.at("spec").at("zones").items(), kept = now.at("spec").at("zones").items();
    expect(kept.size() >= before.size());
    std::size_t changed = 0;
    for (std::size_t i = 0; i < before.size(); ++i)
        changed += before[i].dump() == kept[i].dump() ? 0 : 1;
    expect(changed <= 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const std::string_view text = core::as_text({data + 1, size - 1});
    const auto reply = read_reply(200 + data[0] * 2, text, std::string(text.substr(0, 20)), "read");
    expect(reply.wait_us <= kLongestWait);
    const auto json = JsonView::parse(text);
    if (!json || !json->is_object()) return 0;
    services(*json, data[0]);
    custom_dns(*json);
    Lease lease("l", "ns", "me");
    (void)lease.judge(*json, kNow);
    (void)lease.write(kNow);
    expect(lease.judge(*json, kNow + 2 * core::kHour) != Lease::Turn::kWait);
    return 0;
}
