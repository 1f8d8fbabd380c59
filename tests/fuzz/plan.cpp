// SPDX-License-Identifier: Apache-2.0
// Any file as a plan, with its size and checksum made right so that the rest is reached; a plan that is
// accepted can be asked for all its names.
#include "tests/fuzz/oracle.h"

using namespace postern;

namespace {

void use(core::PlanView view) {
    const auto plan =
        std::make_shared<const resolver::ActivePlan>(std::move(view), core::PlanSource::kCurrent, core::boot_id(), 42);
    test::Bench b;
    b.handler.use_plan(plan);
    for (const auto& owner : plan->view.owners) {
        fuzz::expect(plan->table.find(owner.name, plan->view.owners) >= 0);
        for (const int type : {1, 6, 28, 255}) {
            core::Bytes packet{0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
            packet.insert(packet.end(), owner.name.begin(), owner.name.end());
            for (const int v : {type >> 8, type & 255, 0, 1})
                packet.push_back(static_cast<std::uint8_t>(v));
            const auto reply = b.ask(packet);
            fuzz::expect(reply.empty() || reply.size() >= 12);
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    core::Bytes file(data, data + size);
    (void)core::PlanView::parse(file);
    if (file.size() < 32) return 0;
    core::store_le(file.data() + 16, static_cast<std::uint64_t>(file.size()));
    const core::ByteView all(file);
    const auto crc = core::crc64(all.subspan(32), core::crc64(all.first(24)));
    core::store_le(file.data() + 24, crc);
    auto plan = core::PlanView::parse(file);
    if (plan) use(std::move(*plan));
    return 0;
}
