// SPDX-License-Identifier: Apache-2.0
// Pieces of HTML of the page without a script: texts that are safe in it, states, facts, commands. Pure.
#pragma once

#include <string>
#include <string_view>

#include "agent/serving/page_words.h"
#include "core/clock.h"
#include "core/message.h"

namespace postern::agent {

/// Any text as the content of an element or of an attribute in double quotes; control characters are replaced.
std::string html_text(std::string_view text);

/// A sentence of the agent, in English whatever the page's language.
std::string html_sentence(std::string_view text, const PageWords& words);
/// A message in the language of the page.
std::string html_message(const core::Message& message, const PageWords& words);

/// "● up": a shape and a word; colour repeats them.
std::string html_state(probe::State state, const PageWords& words);
/// "●", "▲", "✕", "○".
std::string_view html_shape(probe::State state);
std::string_view html_shape(Overall overall);

/// The state of a link or of an address in it: "not probed" where it has none.
std::string html_link_state(const LinkStatus& link, const PageWords& words);
std::string html_address_state(const LinkStatus& link, const AddressStatus& address, const PageWords& words);

/// "tcp_timeout", in Chinese with what it means.
std::string html_reason(probe::Reason reason, const PageWords& words);

/// The next step, and the command that makes it; "" if there is neither.
std::string html_repair(const Fault& fault, const PageWords& words);

/// A row of a list of facts; "" if `html` is empty.
std::string html_fact(std::string_view name, const std::string& html);

/// "0.02 ms", "3.1 ms", "1200 ms": three digits or so.
std::string short_ms(core::Micros us);

/// A time as UTC in a <time>; "–" for 0.
std::string html_time(core::Micros wall_us);

/// How long ago, with the time itself when pointed at; "–" for 0.
std::string html_since(core::Micros wall_us, core::Micros now_wall_us, const PageWords& words);

/// A command as a block of its own.
std::string html_command(std::string_view command);

}  // namespace postern::agent
