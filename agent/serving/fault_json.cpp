// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/fault_json.h"

#include "agent/faults/catalogue.h"
#include "agent/faults/codes.h"
#include "agent/faults/fault_text.h"
#include "agent/text/message_json.h"

namespace postern::agent {

Json time_or_null(core::Micros wall_us) {
    return wall_us > 0 ? Json(core::format_utc(wall_us)) : Json(nullptr);
}
Json text_or_null(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

namespace {

Json structure(const core::Message& message) {
    return Json::parse(message_json(message), nullptr, false);
}

}  // namespace

Json error_json(const core::Error& error, core::Micros since_wall_us) {
    return {{"code", core::to_string(error.code)},
            {"what", error.what},
            {"hint", error.hint},
            {"message", structure(error.what)},
            {"since", time_or_null(since_wall_us)}};
}

namespace {

/// A value of the catalogue is the name of its text: the reader has it in its own language.
Json values_json(const doctor::Values& values) {
    Json out = Json::object();
    for (const auto& [name, value] : values) {
        const auto text = doctor::catalogue_text(value);
        const auto message = doctor::message_value(value);
        out[name] = text      ? Json{{"section", text->first}, {"key", text->second}}
                    : message ? Json(message->text())
                              : Json(value);
    }
    return out;
}

/// The values that are messages, as structure: a reader of another language has their forms in its own.
Json messages_json(const doctor::Values& values) {
    Json out = Json::object();
    for (const auto& [name, value] : values) {
        if (const auto message = doctor::message_value(value)) out[name] = structure(*message);
    }
    return out;
}

Json fault_words(const Fault& f, const doctor::Catalogue& words) {
    return {{"cause", told(f, words)}, {"next_step", text_or_null(fix_of(f, words))}};
}

}  // namespace

Json fault_json(const Fault& f) {
    const auto& words = doctor::Catalogue::in(doctor::Language::kEnglish);
    const auto* info = doctor::find_code(f.code);
    const auto command = fix_command(f);
    Json out = {{"code", f.code},
                {"severity", doctor::severity_of(f.state)},
                {"owner", info == nullptr ? Json(nullptr) : Json(to_string(info->owner))},
                {"link", text_or_null(f.link)},
                {"ip", text_or_null(f.ip)},
                {"cause", told(f, words)},
                {"next_step", text_or_null(fix_of(f, words))},
                {"fix", command.empty() ? Json(nullptr) : Json(command)},
                {"since", time_or_null(f.since_wall_us)},
                {"values", values_json(f.values)},
                {"messages", messages_json(f.values)},
                {"texts", {{"zh", fault_words(f, doctor::Catalogue::in(doctor::Language::kChinese))}}}};
    return out;
}

}  // namespace postern::agent
