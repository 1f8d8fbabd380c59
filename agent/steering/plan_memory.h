// Reads back a plan from disk: for `plan show`, and for an agent whose snapshot is missing or damaged, so that its
// start does not worsen the resolver's answers.
#pragma once

#include <string>
#include <vector>

#include "agent/discovery/snapshot_store.h"
#include "core/plan.h"

namespace postern::agent {

/// The record data of an answer section: addresses and names; other records are skipped.
std::vector<std::string> plan_records(const core::AnswerView& answer);

/// The addresses in the plan for each link's name, recorded for the link's first source (a plan contains neither
/// sources nor zones). Nothing for links with fixed addresses, nor for names that are not in the plan.
Snapshot snapshot_from(const core::PlanView& plan, const Config& config);

}  // namespace postern::agent
