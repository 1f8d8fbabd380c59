// SPDX-License-Identifier: Apache-2.0
// Shared by the files that build the command line. CLI11 takes seconds to compile: only cli*.cpp include this.
#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "agent/commands/cli.h"
#include "agent/text/values.h"
#include "core/message.h"

namespace postern::agent {

/// A problem that we find ourselves: CLI11's errors have room for a text alone.
class UsageError : public CLI::ValidationError {
  public:
    explicit UsageError(core::Message what) : CLI::ValidationError(what.text()), said(std::move(what)) {}
    /// "NAME: problem".
    UsageError(const std::string& name, core::Message problem)
        : UsageError(core::message("{}: {}", name, std::move(problem))) {}
    core::Message said;
};

/// Options that CLI11 passes as text and we parse; a problem becomes its usage error.
template <class Fn>
CLI::Option* add_read(CLI::App* app, const std::string& name, const std::string& help, const std::string& type,
                      Fn read) {
    return app
        ->add_option_function<std::string>(
            name,
            [read, name](const std::string& text) {
                if (core::Message problem = read(text); !problem.empty())
                    throw UsageError(name, core::message("{} {}", shown(text), std::move(problem)));
            },
            help)
        ->type_name(type);
}

/// "" or what is wrong: the whole text is a number from `least` to `most`.
template <class Number>
core::Message read_number(const std::string& text, Number least, Number most, Number& out) {
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (ec == std::errc{} && end == text.data() + text.size() && out >= least && out <= most) return "";
    return core::message("is not a whole number from {} to {}", least, most);
}

inline void add_number(CLI::App* app, const char* name, const char* help, int least, int most, int& out) {
    add_read(app, name, help, "N",
             [least, most, &out](const std::string& text) { return read_number(text, least, most, out); });
}

/// An option that may be given up to `most` times. `add` returns what is wrong with a value.
inline void add_repeated(CLI::App* app, const char* name, const char* help, const char* type, std::size_t most,
                         const std::function<core::Message(const std::string&)>& add) {
    app->add_option_function<std::vector<std::string>>(
           name,
           [name, most, add](const std::vector<std::string>& list) {
               if (list.size() > most) throw UsageError(name, core::message("may be given {} times at most", most));
               for (const auto& text : list) {
                   if (core::Message problem = add(text); !problem.empty())
                       throw UsageError(name, core::message("{} {}", shown(text), std::move(problem)));
               }
           },
           help)
        ->type_name(type)
        ->allow_extra_args(false);
}

/// --config, and the help flag, which the commands of the root do not inherit.
inline void add_config(CLI::App* app, std::string& config) {
    app->set_help_flag("-h,--help", "this text");
    app->add_option("-c,--config", config, "the configuration, instead of /etc/postern/postern.toml")
        ->type_name("FILE");
}

/// `postern logs` and `queries`; times without a date are before `now_wall_us` (cli_logs.cpp).
using Chosen = std::function<void(Command)>;
void add_log_commands(CLI::App& root, Micros now_wall_us, const Chosen& chosen);
/// `postern dns …` below `root`; `chosen` gets the command that was given.
void add_dns_commands(CLI::App& root, const std::function<void(DnsCommand)>& chosen);
/// `postern endpoint …` below `root`; `chosen` gets the command that was given.
void add_endpoint_commands(CLI::App& root, std::function<void(EndpointCommand)> chosen);
/// `postern publish …` below `root`: its commands, a line each, are in publish's own list (cli_publish.cpp).
void add_publish_commands(CLI::App& root, const Chosen& chosen);
/// "publish --to privatezone" becomes "publish privatezone"; other words stay.
void read_publish_target(const CLI::App& root, std::vector<std::string>& words);
/// list, run and keygen (cli_publish_list.cpp).
void add_publish_list(CLI::App& publish, const Chosen& chosen);
/// kubernetes and ack-dns (cli_k8s.cpp).
void add_publish_cluster(CLI::App& publish, const Chosen& chosen);
/// `postern k8s …` below `root`.
void add_k8s_commands(CLI::App& root, const Chosen& chosen);
/// node and alive, below `postern k8s` (cli_k8s_node.cpp).
void add_k8s_node(CLI::App& k8s, const Chosen& chosen);
/// `postern fleet …` below `root`, and report below `publish` (cli_fleet.cpp).
void add_fleet_commands(CLI::App& root, const Chosen& chosen);
void add_publish_report(CLI::App& publish, const Chosen& chosen);

}  // namespace postern::agent
