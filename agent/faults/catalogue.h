// SPDX-License-Identifier: Apache-2.0
// Doctor's texts, one file per language (texts.en.json, texts.zh.json), built into the program. Placeholders in
// braces are filled with a finding's values. Messages (core/message.h) have their English in the sources, where
// they are made, and their Chinese in messages.zh.json.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "agent/faults/fault.h"

namespace postern::agent::doctor {

enum class Language { kEnglish, kChinese };
/// "en", "zh"; nullopt for other text.
std::optional<Language> parse_language(std::string_view text);
/// From LC_ALL, LC_MESSAGES, LANG, in this order; English unless one begins with zh.
Language language_of_environment();

class Catalogue {
  public:
    static const Catalogue& in(Language language);

    /// A text by its section and key, filled in: ("words", "fix"), ("steps", "tcp"). "" if there is none.
    std::string text(std::string_view section, std::string_view key, const Values& values = {}) const;
    /// `part`: cause, expected, found, fix or verify; "status" of some. "" if there is none.
    std::string of(std::string_view code, std::string_view part, const Values& values) const;
    /// Whether that text has a place for the value, and whether it ends with it.
    bool has_place(std::string_view code, std::string_view part, std::string_view name) const;
    bool ends_with_place(std::string_view code, std::string_view part, std::string_view name) const;
    /// A message in this language; a form that the catalogue does not have stays as it is.
    std::string of(const core::Message& message) const;
    /// A fault's value in words; "" if it has none of that name.
    std::string value(const Values& values, std::string_view name) const;
    /// The repair as words of a command line. Empty if the code has none, or a value that it needs is missing: what is not
    /// a whole command is none.
    std::vector<std::string> command_of(std::string_view code, const Values& values) const;

    /// For the test that compares the languages.
    const nlohmann::json& all() const { return *texts_; }

  private:
    Catalogue(std::string_view json, std::string_view messages);
    std::string raw(std::string_view code, std::string_view part) const;
    Values in_words(const Values& values) const;
    std::string in_words(const std::string& value, const Values& values) const;

    const nlohmann::json* messages_;  // {form: form in this language}; the same
    const nlohmann::json* texts_;     // lives as long as the program
};

/// "{ip} does not answer" with ip filled in. An unknown name becomes "", and the blank before it is removed.
std::string fill(std::string_view text, const Values& values);

}  // namespace postern::agent::doctor
