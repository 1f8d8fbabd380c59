// SPDX-License-Identifier: Apache-2.0
#include "agent/faults/catalogue.h"

#include <cstdlib>

#include <nlohmann/json.hpp>

#include "agent/faults/texts.h"

namespace postern::agent::doctor {

std::optional<Language> parse_language(std::string_view text) {
    if (text == "en") return Language::kEnglish;
    if (text == "zh") return Language::kChinese;
    return std::nullopt;
}

Language language_of_environment() {
    for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
        const char* value = std::getenv(name);
        if (value == nullptr || *value == '\0') continue;
        return std::string_view(value).starts_with("zh") ? Language::kChinese : Language::kEnglish;
    }
    return Language::kEnglish;
}

Catalogue::Catalogue(std::string_view json, std::string_view messages)
    : messages_(new nlohmann::json(nlohmann::json::parse(messages))),
      texts_(new nlohmann::json(nlohmann::json::parse(json))) {}

const Catalogue& Catalogue::in(Language language) {
    if (language == Language::kChinese) {
        static const Catalogue kChinese(kTextsZh, kMessagesZh);
        return kChinese;
    }
    static const Catalogue kEnglish(kTextsEn, "{}");
    return kEnglish;
}

std::string Catalogue::text(std::string_view section, std::string_view key, const Values& values) const {
    const auto found = texts_->find(section);
    if (found == texts_->end() || !found->contains(key)) return "";
    return fill((*found)[std::string(key)].get_ref<const std::string&>(), in_words(values));
}

Values Catalogue::in_words(const Values& values) const {
    Values out = values;
    for (auto& [name, value] : out)
        value = in_words(value, values);
    return out;
}

/// A text of the catalogue may be filled with messages, not with another text.
std::string Catalogue::in_words(const std::string& value, const Values& values) const {
    if (const auto message = message_value(value)) return of(*message);
    const auto named = catalogue_text(value);
    if (!named) return value;
    const auto section = texts_->find(named->first);
    if (section == texts_->end() || !section->contains(named->second)) return "";
    Values plain = values;
    for (auto& [name, other] : plain) {
        if (const auto message = message_value(other)) other = of(*message);
    }
    return fill((*section)[named->second].get_ref<const std::string&>(), plain);
}

std::string Catalogue::of(const core::Message& message) const {
    if (message.form().empty()) return message;
    const auto form = messages_->find(message.form());
    if (message.values().empty()) return form == messages_->end() ? message.text() : form->get<std::string>();
    std::vector<std::string> values;
    values.reserve(message.values().size());
    for (const core::Message& value : message.values())
        values.push_back(of(value));
    return core::filled(form == messages_->end() ? message.form() : form->get_ref<const std::string&>(), values);
}

std::string Catalogue::value(const Values& values, std::string_view name) const {
    const auto found = values.find(name);
    return found == values.end() ? "" : in_words(found->second, values);
}

std::string Catalogue::raw(std::string_view code, std::string_view part) const {
    const auto& findings = (*texts_)["findings"];
    const auto found = findings.find(code);
    if (found == findings.end() || !found->contains(part)) return "";
    return (*found)[std::string(part)].get<std::string>();
}

std::string Catalogue::of(std::string_view code, std::string_view part, const Values& values) const {
    return fill(raw(code, part), in_words(values));
}

bool Catalogue::has_place(std::string_view code, std::string_view part, std::string_view name) const {
    return raw(code, part).find("{" + std::string(name) + "}") != std::string::npos;
}

bool Catalogue::ends_with_place(std::string_view code, std::string_view part, std::string_view name) const {
    return raw(code, part).ends_with("{" + std::string(name) + "}");
}

std::vector<std::string> Catalogue::command_of(std::string_view code, const Values& values) const {
    std::vector<std::string> out;
    const auto& findings = (*texts_)["findings"];
    const auto found = findings.find(code);
    if (found == findings.end() || !found->contains("command")) return out;
    for (const auto& word : (*found)["command"]) {
        const auto& text = word.get_ref<const std::string&>();
        for (auto open = text.find('{'); open != std::string::npos; open = text.find('{', open + 1)) {
            const auto value = values.find(text.substr(open + 1, text.find('}', open) - open - 1));
            if (value == values.end() || value->second.empty() || !is_plain(value->second)) return {};
        }
        out.push_back(fill(text, values));
    }
    return out;
}

std::string fill(std::string_view text, const Values& values) {
    std::string out;
    while (!text.empty()) {
        const auto open = text.find('{');
        const auto close = open == std::string_view::npos ? open : text.find('}', open);
        if (close == std::string_view::npos) return out += text;
        out += text.substr(0, open);
        const auto word = text.substr(open + 1, close - open - 1);
        if (const auto value = values.find(word); value != values.end() && !value->second.empty()) {
            out += value->second;
        } else if (word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") != std::string_view::npos) {
            out += text.substr(open, close - open + 1);  // braces of JSON text
        } else if (out.ends_with(' ')) {
            out.pop_back();  // "probe {link} --json" without a link
        }
        text.remove_prefix(close + 1);
    }
    return out;
}

}  // namespace postern::agent::doctor
