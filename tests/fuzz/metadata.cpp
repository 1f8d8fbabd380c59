// SPDX-License-Identifier: Apache-2.0
// Any bytes from the metadata service: what becomes part of a host name or an upstream is what it should be.
#include <cstdlib>

#include "agent/cloud/metadata.h"
#include "core/bytes.h"

using namespace postern;
using namespace postern::agent;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body = core::as_text({data, size});
    if (const auto value = metadata_value(body); value && (value->empty() || value->front() == ' ')) std::abort();
    const InstanceIdentity identity = parse_identity(body);
    for (const auto& word : {identity.region, identity.zone, identity.vpc}) {
        if (!word.empty() && !is_region_id(word)) std::abort();
    }
    for (const auto& ip : identity.nameservers) {
        if (!ip.is_host()) std::abort();
    }
    if (identity.nameservers.size() > 8) std::abort();
    return 0;
}
