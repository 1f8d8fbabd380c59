// SPDX-License-Identifier: Apache-2.0
// `postern check-config`: the mistakes found by parse_config, and by checks on this host: files that can't be read.
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "agent/client/as_service.h"
#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/check_online.h"
#include "agent/commands/cli.h"
#include "core/file_system.h"
#include "core/message.h"
#include "core/printable.h"

namespace postern::agent {

namespace {

/// "" or the problem of a file named in the configuration. `eyes`: the service's, if this command looks with them.
core::Message file_problem(const std::string& path, bool secret, const std::optional<ServiceEyes>& eyes) {
    if (eyes) {
        if (const core::Message why = eyes->cannot_read(path); !why.empty())
            return secret && eyes->as_user
                       ? core::message("{}: chown root:postern {} && chmod 0640 {}", why, path, path)
                       : why;
    }
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) {
        const int error = errno;
        // An ordinary user can't search the folder; the agent's user may.
        if (error == EACCES) return "";
        return core::message("{}: {}", path, std::strerror(error));
    }
    if (!S_ISREG(info.st_mode)) return core::message("{} is not a file", path);
    if (secret && (info.st_mode & 0007) != 0) {
        return core::message("{} can be read by everyone on this host: chown root:postern {} && chmod 0640 {}", path,
                             path, path);
    }
    return "";
}

std::vector<ConfigIssue> host_warnings(const Config& config, const std::optional<ServiceEyes>& eyes) {
    std::vector<ConfigIssue> out;
    const auto look = [&out, &eyes](int line, std::string key, const std::string& path, bool secret) {
        if (path.empty()) return;
        if (core::Message problem = file_problem(path, secret, eyes); !problem.empty())
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

/// "FILE is fine: 2 links: a, b (verify only)"
core::Message summary(const std::string& file, bool fine, const std::vector<LinkConfig>& links) {
    const std::size_t n = links.size();
    core::Message out = n == 1 ? core::Message("1 link") : core::message("{} links", n);
    core::Message names;
    for (const LinkConfig& link : links) {
        if (n <= 8)
            core::add_item(names,
                           link.answer ? core::Message(link.name) : core::message("{} (verify only)", link.name));
    }
    if (n <= 8) out = core::message("{}: {}", std::move(out), std::move(names));
    return fine ? core::message("{} is fine: {}", file, std::move(out))
                : core::message("{} is valid: {}", file, std::move(out));
}

}  // namespace

int run_command(const CheckConfigCommand& command) {
    std::optional<ServiceEyes> eyes;
    if (command.online) eyes = look_as_service(command.config);
    if (::access(command.config.c_str(), R_OK) != 0) {
        const int error = errno;
        const bool as_user = eyes && eyes->as_user;
        core::Message what = as_user ? core::message("can't read {} as user {}", command.config, eyes->user)
                                     : core::message("can't read {}", command.config);
        const char* hint = as_user ? "the service could not either: chown root:postern it, and chmod 0640"
                                   : "give the file with --config FILE, or run it as root";
        complain("check-config", core::Error{core::Code::kFileUnreadable, std::move(what), hint, error});
        return kExitUnknown;
    }
    const auto config = load_config(command.config);
    if (!config) {
        complain_about(command.config, config.error());
        const std::size_t n = config.error().size();
        print_note(told(n == 1 ? core::message("1 mistake in {}", command.config)
                               : core::message("{} mistakes in {}", n, command.config)) +
                   "\n");
        return kExitFailed;
    }
    std::vector<ConfigIssue> warnings = config->warnings;
    const auto more = host_warnings(*config, eyes);
    warnings.insert(warnings.end(), more.begin(), more.end());
    for (ConfigIssue& warning : warnings) {
        warning.what = core::message("warning: {}", std::move(warning.what));
        print(core::printable_lines(told(format_issue(command.config, warning))) + "\n");
    }
    for (ConfigIssue note : config->notes) {
        note.what = core::message("note: {}", std::move(note.what));
        print(core::printable_lines(told(format_issue(command.config, note))) + "\n");
    }
    print(told(summary(command.config, warnings.empty(), config->links)) + "\n");
    const int offline = warnings.empty() ? kExitGood : kExitWarning;
    return command.online ? std::max(offline, check_online(*config, eyes)) : offline;
}

}  // namespace postern::agent
