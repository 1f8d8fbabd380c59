// SPDX-License-Identifier: Apache-2.0
// `postern publish …`: what its commands share.
#include "agent/commands/publish_command.h"
#include "agent/text/terminal.h"

namespace postern::agent {

int ttl_of(const PublishCommon& common) {
    constexpr int kShort = 5, kLong = 30;
    return common.ttl_s != 0 ? common.ttl_s : common.follow_health ? kShort : kLong;
}

core::Result<std::vector<PublishedNow>> names_to_publish(const std::string& command, const Config& config,
                                                         const PublishCommon& common, Interruptible& interruptible) {
    auto names = publish::ask_names(config, common.link, upstreams_of(config),
                                    [&interruptible] { return interruptible.interrupted(); });
    if (!names) return core::fail(std::move(names.error()));
    std::vector<PublishedNow> out;
    for (auto& name : *names) {
        PublishedNow now{name.link, std::move(name.addresses), {}, ""};
        if (now.addresses) now.answer = *now.addresses;
        if (now.addresses && common.follow_health) {
            auto judged = publish::judge_name(config, *name.link, *now.addresses,
                                              [&interruptible](Micros us) { return interruptible.sleep(us); });
            if (!judged && judged.error().code == core::Code::kCancelled) return core::fail(std::move(judged.error()));
            if (judged) {
                now.answer = std::move(judged->answer);
                now.explain = std::move(judged->explain);
            } else {
                complain(command, core::message("{}: not probed, so none is left out: {}", name.link->name,
                                                judged.error().whole()));
            }
        }
        out.push_back(std::move(now));
    }
    return out;
}

}  // namespace postern::agent
