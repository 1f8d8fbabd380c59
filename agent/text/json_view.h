// SPDX-License-Identifier: Apache-2.0
// Reads JSON from other programs: bounded in size and depth, never throws, accepts the cloud's type
// variations (numbers and booleans as strings; null, "" and absent all meaning "none"). Keeps the JSON
// library in one source file.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"

namespace postern::agent {

/// A node of a parsed document; keeps the document alive. A missing node behaves as null: chained access
/// needs no checks.
class JsonView {
  public:
    JsonView() = default;
    /// kApiBadReply with a description of the bytes ("an HTML page", "empty", …); kTooLarge.
    static core::Result<JsonView> parse(std::string_view text, std::size_t max_bytes = 1 << 20, int max_depth = 32);

    bool is_object() const;
    bool is_array() const;
    bool is_null() const;  // or missing

    /// A member of an object; with several spellings, the first that exists.
    JsonView at(const char* key) const;
    JsonView at(std::initializer_list<const char*> keys) const;
    /// A string; numbers and booleans as text; "" for anything else.
    std::string text() const;
    /// A whole number, or a string that contains one.
    std::optional<std::int64_t> integer() const;
    std::optional<bool> boolean() const;
    std::vector<JsonView> items() const;                            // of an array
    std::vector<std::pair<std::string, JsonView>> members() const;  // of an object
    /// The node as JSON, for what is handed on unchanged; "null" for a missing one. Bytes that are not UTF-8 are replaced.
    std::string dump() const;

  private:
    JsonView(std::shared_ptr<const void> document, const void* node) : document_(std::move(document)), node_(node) {}
    std::shared_ptr<const void> document_;
    const void* node_ = nullptr;
};

}  // namespace postern::agent
