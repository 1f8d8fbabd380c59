// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/cli_error.h"

#include <algorithm>

#include "agent/commands/cli_builder.h"
#include "agent/text/values.h"

namespace postern::agent {

namespace {

const CLI::Option* first_option(const CLI::App& app, const std::function<bool(const CLI::Option&)>& is) {
    const auto found = app.get_options([&is](const CLI::Option* option) { return is(*option); });
    return found.empty() ? nullptr : found.front();
}

core::Message unknown_command(const CLI::App& at, const std::string& word) {
    const auto meant = nearest(word, commands_of(at));
    const std::string before = at.get_parent() == nullptr ? "" : full_name(at).substr(8) + " ";
    core::Message what = core::message("there is no command {}", shown(before + word));
    return meant ? core::message("{}; did you mean \"{}\"?", std::move(what), before + std::string(*meant)) : what;
}

/// What nothing takes: a command, an option, or a word too many.
core::Message unexpected(const CLI::App& at, const std::string& word) {
    if (!word.starts_with('-')) {
        return commands_of(at).empty() ? core::message("{} is one argument too many", shown(word))
                                       : unknown_command(at, word);
    }
    const std::string option = word.substr(0, word.find('='));
    std::vector<std::string> names;
    for (const CLI::Option* known : at.get_options([](const CLI::Option*) { return true; })) {
        for (const std::string& name : known->get_lnames())
            names.push_back("--" + name);
    }
    const auto meant = nearest(option, {names.begin(), names.end()});
    core::Message what = core::message("there is no option {}", shown(option));
    return meant ? core::message("{}; did you mean \"{}\"?", std::move(what), std::string(*meant)) : what;
}

core::Message missing(const CLI::App& at) {
    if (const CLI::Option* option =
            first_option(at, [](const CLI::Option& one) { return one.get_required() && one.count() == 0; }))
        return core::message("{} is missing", option->get_name());
    core::Message commands;
    for (const std::string_view name : commands_of(at))
        core::add_item(commands, name);
    return core::message("a command is missing: {}", std::move(commands));
}

/// CLI11 takes the word behind an option for its value, whatever it is: a value is missing where the words end.
core::Message wrong_number(const CLI::App& at, const std::vector<std::string>& words) {
    const CLI::Option* twice = first_option(at, [](const CLI::Option& one) {
        return one.get_items_expected_max() > 0 && one.count() > static_cast<std::size_t>(one.get_items_expected_max());
    });
    if (twice != nullptr) return core::message("{} may be given only once", twice->get_name());
    return core::message("{} needs a value", words.empty() ? "" : words.back());
}

/// "--json=x": all options with a value are read by us.
core::Message no_value(const CLI::App& at, const std::vector<std::string>& words) {
    for (const std::string& word : words) {
        const std::string name = word.substr(0, word.find('='));
        const CLI::Option* option = name.size() < word.size() ? at.get_option_no_throw(name) : nullptr;
        if (option != nullptr && option->get_items_expected_max() == 0) return core::message("{} takes no value", name);
    }
    return "an option has a value that it does not take";
}

}  // namespace

std::vector<std::string_view> commands_of(const CLI::App& app) {
    std::vector<std::string_view> out;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
        out.push_back(command->get_name());
    return out;
}

std::string full_name(const CLI::App& app) {
    if (app.get_parent() == nullptr) return app.get_name();
    return full_name(*app.get_parent()) + " " + app.get_name();
}

core::Message usage_problem(const CLI::ParseError& error, const CLI::App& root, const CLI::App& at,
                            const std::vector<std::string>& words) {
    if (const auto* ours = dynamic_cast<const UsageError*>(&error)) return ours->said;
    // A command that is not there comes before what else is missing then.
    const auto remaining = root.remaining(true);
    if (!commands_of(at).empty() && !remaining.empty()) return unexpected(at, remaining.front());
    if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr && !remaining.empty())
        return unexpected(at, remaining.front());
    if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) return missing(at);
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) return wrong_number(at, words);
    if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr) return no_value(at, words);
    return std::string(error.what());  // a fault of ours: no other kind is made by the options that we have
}

}  // namespace postern::agent
