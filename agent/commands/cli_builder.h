// SPDX-License-Identifier: Apache-2.0
// Shared by the files that build the command line. CLI11 takes seconds to compile: only cli*.cpp include this.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "agent/commands/cli.h"
#include "agent/text/values.h"

namespace postern::agent {

/// Options that CLI11 passes as text and we parse; a problem becomes its usage error.
template <class Fn>
CLI::Option* add_read(CLI::App* app, const std::string& name, const std::string& help, const std::string& type,
                      Fn read) {
    return app
        ->add_option_function<std::string>(
            name,
            [read, name](const std::string& text) {
                if (const std::string problem = read(text); !problem.empty()) {
                    throw CLI::ValidationError(name, shown(text) + " " + problem);
                }
            },
            help)
        ->type_name(type);
}

/// An option that may be given up to `most` times. `add` returns what is wrong with a value.
inline void add_repeated(CLI::App* app, const char* name, const char* help, const char* type, std::size_t most,
                         const std::function<std::string(const std::string&)>& add) {
    app->add_option_function<std::vector<std::string>>(
           name,
           [name, most, add](const std::vector<std::string>& list) {
               if (list.size() > most)
                   throw CLI::ValidationError(name, "may be given " + std::to_string(most) + " times at most");
               for (const auto& text : list) {
                   if (const std::string problem = add(text); !problem.empty())
                       throw CLI::ValidationError(name, shown(text) + " " + problem);
               }
           },
           help)
        ->type_name(type)
        ->allow_extra_args(false);
}

inline void add_config(CLI::App* app, std::string& config) {
    app->set_help_flag("-h,--help", "this text");
    app->add_option("-c,--config", config, "the configuration, instead of /etc/postern/postern.toml")
        ->type_name("FILE");
}

/// `postern dns …` below `root`; `chosen` gets the command that was given.
void add_dns_commands(CLI::App& root, const std::function<void(DnsCommand)>& chosen);
/// `postern endpoint …` below `root`; `chosen` gets the command that was given.
void add_endpoint_commands(CLI::App& root, std::function<void(EndpointCommand)> chosen);
/// `postern publish …` below `root`: its commands, a line each, are in publish's own list (cli_publish.cpp).
using Chosen = std::function<void(Command)>;
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

}  // namespace postern::agent
