// SPDX-License-Identifier: Apache-2.0
// What would be published, as Terraform (provider aliyun/alicloud), for those who keep their records there. Pure.
#pragma once

#include <string>
#include <vector>

#include "agent/publish/zone_plan.h"

namespace postern::agent::publish {

/// The zone, its VPCs and its records of the default line. The provider knows neither lines nor FAST_ZONE: what it can't
/// say is told as comments. The records do not carry postern's mark, since they are Terraform's then.
std::string terraform(const std::vector<NameWish>& wishes);

}  // namespace postern::agent::publish
