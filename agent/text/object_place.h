// SPDX-License-Identifier: Apache-2.0
// Where an object lies: oss://BUCKET/KEY, s3://BUCKET/KEY, an https:// URL, or file:/PATH. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"

namespace postern::agent {

enum class StoreKind { kOss, kS3, kHttp, kFile };

struct ObjectPlace {
    StoreKind kind = StoreKind::kHttp;
    std::string bucket;  // kOss, kS3
    std::string key;     // kOss, kS3: without a leading "/"; kFile: the absolute path
    std::string url;     // kHttp: whole, with its query, which may be a signature: a secret

    bool operator==(const ObjectPlace&) const = default;
    /// For people: without the query of a URL.
    std::string text() const;
};

/// kConfigBadValue with what was expected. http:// is for this host's own loopback alone.
core::Result<ObjectPlace> parse_object_place(std::string_view text);
/// A folder of objects: oss://BUCKET/PREFIX/, s3://BUCKET/PREFIX/, https://HOST/PATH/ or file:/PATH/, with or without the last
/// "/". Its key or URL ends with "/", or is "" for a whole bucket: beside(folder, NAME) is an object in it.
core::Result<ObjectPlace> parse_folder_place(std::string_view text);
/// Another object in the same folder. A URL's query goes away: it was signed for the other one.
ObjectPlace beside(const ObjectPlace& place, std::string_view name);
/// The last part of its path: "current.json".
std::string name_of(const ObjectPlace& place);

}  // namespace postern::agent
