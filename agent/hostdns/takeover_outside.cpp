// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/takeover_outside.h"

#include "agent/hostdns/host_lookup.h"
#include "agent/hostdns/server_query.h"
#include "core/sleep.h"

namespace postern::agent {

TakeoverHooks real_hooks(std::function<void(const core::Message&)> say) {
    TakeoverHooks hooks;
    hooks.wall_us = core::now_wall_us;
    hooks.mono_us = core::now_mono_us;
    hooks.pause = core::sleep_for;
    hooks.look_up = look_up_as_programs_do;
    hooks.ask = ask_server;
    hooks.say = std::move(say);
    return hooks;
}

}  // namespace postern::agent
