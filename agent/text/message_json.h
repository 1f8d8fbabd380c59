// SPDX-License-Identifier: Apache-2.0
// A message (core/message.h) as JSON, for a file that another run reads and tells in its reader's language. Beside the
// English text, not in its place: {"form":"cannot read {}","values":["/etc/x"]}. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "agent/text/json_view.h"
#include "core/message.h"

namespace postern::agent {

/// An object; a string of verbatim text, also of a message that is nested too deeply or has too many values.
std::string message_json(const core::Message& message);
/// The message whose English is `text`; `text` alone where the JSON is missing, too deep or says something else.
core::Message read_message(const JsonView& json, std::string_view text);

}  // namespace postern::agent
