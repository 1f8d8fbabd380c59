// SPDX-License-Identifier: Apache-2.0
// Objects as files of this host: for a list that something else carries on, and for trials. Blocks; any thread.
#pragma once

#include <string_view>

#include "agent/store/object_store.h"

namespace postern::agent {

core::Result<StoredObject> read_from_folder(const ObjectPlace& place, std::string_view etag, std::size_t max_bytes);
/// Regular files alone; those of a write that has not ended (core/temporary_name.h) are left out.
core::Result<StoredNames> list_folder(const ObjectPlace& folder, std::size_t most);
core::Result<StoredAs> write_to_folder(const ObjectPlace& place, std::string_view bytes, bool only_new);

}  // namespace postern::agent
