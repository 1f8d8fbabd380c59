// What a plan on disk says, read back: by `plan show`, and by an agent whose snapshot is gone or damaged, so that what
// the resolver answers does not get worse by starting the agent.
#pragma once

#include <string>
#include <vector>

#include "agent/discovery/snapshot_store.h"
#include "core/plan.h"

namespace postern::agent {

/// The data of the records of an answer section: addresses and names; nothing for what else there may be.
std::vector<std::string> plan_records(const core::AnswerView& answer);

/// The addresses that the plan answers for each link's name, as if its first source had said so (a plan does not tell one
/// source from another, nor zones). Nothing for links with fixed addresses, and for names that the plan does not know.
Snapshot snapshot_from(const core::PlanView& plan, const Config& config);

}  // namespace postern::agent
