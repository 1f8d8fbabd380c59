// SPDX-License-Identifier: Apache-2.0
// Any bytes as the snapshot, and as its body under a right checksum: what is taken is written and read the same again.
#include <fmt/format.h>

#include <cstdlib>

#include "agent/discovery/remembered.h"
#include "agent/discovery/snapshot_store.h"
#include "agent/endpoint/endpoint_query.h"
#include "core/bytes.h"

using namespace postern;
using namespace postern::agent;

namespace {

void judge(std::string_view text) {
    const auto snapshot = parse_snapshot(text);
    if (!snapshot) return;
    const auto again = parse_snapshot(format_snapshot(*snapshot));
    if (!again || !(*again == *snapshot)) std::abort();
    LinkConfig link;
    for (const auto& [key, source] : snapshot->sources)
        link.endpoints.push_back(key);
    addresses_from(*snapshot, link);
    for (const auto& key : link.endpoints) {
        if (const auto query = parse_query_key(key); query && parse_query_key(query_key(*query)) == std::nullopt)
            std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const core::ByteView bytes{data, size};
    judge(core::as_text(bytes));
    judge(fmt::format("{{\"postern_snapshot\":1,\"crc64\":\"{:016x}\",\"bytes\":{},\"snapshot\":\n", core::crc64(bytes),
                      size) +
          std::string(core::as_text(bytes)) + "}\n");
    return 0;
}
