// SPDX-License-Identifier: Apache-2.0
// A store's reply to "which objects are there": ListObjectsV2, which S3 and OSS answer alike. Pure; accepts any bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace postern::agent {

/// Of one reply: what is asked for, and the most that is taken.
inline constexpr std::size_t kMaxListedObjects = 1000, kMaxListReply = 2u << 20;

struct ListedObject {
    std::string key;
    std::string etag;  // "" if the store gives none
    std::uint64_t size = 0;
    bool operator==(const ListedObject&) const = default;
};

struct ListPage {
    std::vector<ListedObject> objects;
    std::string next;  // where the next page begins; "": there is none
};

/// kApiBadReply: not such a reply, cut off, or with values that make no sense; kTooLarge above kMaxListReply.
core::Result<ListPage> read_list_reply(std::string_view xml);

}  // namespace postern::agent
