// SPDX-License-Identifier: Apache-2.0
// Whether lost connections to an address may be ended, by the plan. Decided here for everybody who ends some; pure.
#pragma once

#include <string_view>

#include "agent/freeing/free_request.h"
#include "core/clock.h"
#include "core/ip_address.h"
#include "core/plan.h"

namespace postern::agent {

/// Which connections are lost.
enum class Lost {
    kStuck,        // is_stuck()
    kStuckOrIdle,  // is_idle(), too: a person has drained the address
};

struct Permission {
    FreeRefusal refusal = FreeRefusal::kNone;
    Lost lost = Lost::kStuck;
};

/// Only to an address that a link has, that no link answers, that was withdrawn because it can't be reached or is
/// drained, and while another address of that link is answered. `by_hand`: a person with the right asks, so the owner's
/// word (free_stuck, drain --free) is not needed; stuck ones only.
Permission may_free(const core::PlanView& plan, const core::SocketAddress& address, core::Micros now_mono_us,
                    std::string_view boot_id, bool by_hand);

}  // namespace postern::agent
