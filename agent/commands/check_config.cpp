// SPDX-License-Identifier: Apache-2.0
// `postern check-config`: the mistakes found by parse_config, and by checks on this host: files that can't be read.
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "agent/client/as_service.h"
#include "agent/client/console.h"
#include "agent/commands/check_online.h"
#include "agent/commands/cli.h"
#include "core/file_system.h"
#include "core/text.h"

namespace postern::agent {

namespace {

/// "" or the problem of a file named in the configuration. `eyes`: the service's, if this command looks with them.
std::string file_problem(const std::string& path, bool secret, const std::optional<ServiceEyes>& eyes) {
    if (eyes) {
        if (const std::string why = eyes->cannot_read(path); !why.empty())
            return secret && eyes->as_user ? fmt::format("{}: chown root:postern {} && chmod 0640 {}", why, path, path)
                                           : why;
    }
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) {
        const int error = errno;
        // An ordinary user can't search the folder; the agent's user may.
        if (error == EACCES) return "";
        return fmt::format("{}: {}", path, std::strerror(error));
    }
    if (!S_ISREG(info.st_mode)) return path + " is not a file";
    if (secret && (info.st_mode & 0007) != 0) {
        return fmt::format("{} can be read by everyone on this host: chown root:postern {} && chmod 0640 {}", path,
                           path, path);
    }
    return "";
}

std::vector<ConfigIssue> host_warnings(const Config& config, const std::optional<ServiceEyes>& eyes) {
    std::vector<ConfigIssue> out;
    const auto look = [&out, &eyes](int line, std::string key, const std::string& path, bool secret) {
        if (path.empty()) return;
        if (std::string problem = file_problem(path, secret, eyes); !problem.empty())
            out.push_back({line, std::move(key), std::move(problem)});
    };
    look(0, "aliyun.ca_file", config.aliyun.ca_file, false);
    for (const LinkConfig& link : config.links) {
        look(link.line, "link.zones_file", link.zones_file, false);
        look(link.line, "link.token_file", link.token.file, true);
        look(link.line, "link.probe.ca_file", link.probe.ca_file, false);
    }
    return out;
}

}  // namespace

int run_command(const CheckConfigCommand& command) {
    std::optional<ServiceEyes> eyes;
    if (command.online) eyes = look_as_service(command.config);
    if (::access(command.config.c_str(), R_OK) != 0) {
        const int error = errno;
        const bool as_user = eyes && eyes->as_user;
        const std::string whose = as_user ? " as user " + eyes->user : "";
        const char* hint = as_user ? "the service could not either: chown root:postern it, and chmod 0640"
                                   : "give the file with --config FILE, or run it as root";
        complain("check-config",
                 core::Error{core::Code::kFileUnreadable, "can't read " + command.config + whose, hint, error});
        return kExitUnknown;
    }
    const auto config = load_config(command.config);
    if (!config) {
        for (const ConfigIssue& issue : config.error())
            print_note(format_issue(command.config, issue) + "\n");
        const std::size_t n = config.error().size();
        print_note(fmt::format("{} {} in {}\n", n, n == 1 ? "mistake" : "mistakes", command.config));
        return kExitFailed;
    }
    std::vector<ConfigIssue> warnings = config->warnings;
    const auto more = host_warnings(*config, eyes);
    warnings.insert(warnings.end(), more.begin(), more.end());
    for (ConfigIssue& warning : warnings) {
        warning.what = "warning: " + warning.what;
        print(format_issue(command.config, warning) + "\n");
    }
    for (ConfigIssue note : config->notes) {
        note.what = "note: " + note.what;
        print(format_issue(command.config, note) + "\n");
    }
    const auto links = ": " + core::joined(config->links, [](const LinkConfig& link) {
                           return link.answer ? link.name : link.name + " (verify only)";
                       });
    print(fmt::format("{} is {}: {} {}{}\n", command.config, warnings.empty() ? "fine" : "valid", config->links.size(),
                      config->links.size() == 1 ? "link" : "links", config->links.size() <= 8 ? links : ""));
    const int offline = warnings.empty() ? kExitGood : kExitWarning;
    return command.online ? std::max(offline, check_online(*config, eyes)) : offline;
}

}  // namespace postern::agent
