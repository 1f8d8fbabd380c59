// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/service_view.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <sstream>

#include "agent/config/paths.h"
#include "core/fd.h"
#include "core/file_system.h"

namespace postern::agent::doctor {

namespace {

constexpr std::size_t kMaxStatus = 64 << 10, kMaxCa = 4 << 20;

/// From "Uid:\t0\t0\t0\t0" and the like of /proc/PID/status; the second number is the effective one.
std::optional<ServiceUser> user_of_process(pid_t pid) {
    const auto status = core::read_file(fmt::format("/proc/{}/status", pid), kMaxStatus);
    if (!status) return std::nullopt;
    ServiceUser out;
    std::istringstream lines(*status);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string key;
        unsigned long real = 0, effective = 0;
        words >> key;
        if (key == "Groups:") {
            for (unsigned long g = 0; words >> g;)
                out.groups.push_back(static_cast<gid_t>(g));
        }
        if (key != "Uid:" && key != "Gid:") continue;
        if (!(words >> real >> effective)) return std::nullopt;
        (key == "Uid:" ? out.uid : out.gid) = static_cast<uid_t>(effective);
    }
    out.name = name_of_user(out.uid);
    out.group = name_of_group(out.gid);
    return out;
}

std::optional<ServiceUser> user_of_unit(const std::string& config) {
    const ServiceUnit unit = read_service_unit("postern.service");
    if (unit.path.empty() || unit.config() != config) return std::nullopt;
    const auto user = find_user(unit.user);
    const auto whole = user ? with_groups(*user, unit) : core::fail(core::Code::kUsage, "there is no such user yet");
    return whole ? std::optional(*whole) : std::nullopt;
}

std::optional<struct stat> look_at(const std::string& path) {
    struct stat st;
    if (::stat(path.c_str(), &st) != 0) return std::nullopt;
    return st;
}

/// The first part of the path that keeps this process out: a folder that it may not pass, or the file; "" if none does.
std::string kept_out_by(const std::string& path) {
    for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
        const std::string folder = path.substr(0, at);
        if (::access(folder.c_str(), X_OK) != 0 && errno == EACCES) return folder;
    }
    return ::access(path.c_str(), R_OK) != 0 && errno == EACCES ? path : "";
}

/// In the child: one line for each path.
[[noreturn]] void look_as(const ServiceUser& user, const std::vector<std::string>& paths, int to) {
    if (!become(user)) ::_exit(1);
    std::string out;
    for (const auto& path : paths)
        out += kept_out_by(path) + "\n";
    std::string_view left = out;
    while (!left.empty()) {
        const ssize_t n = ::write(to, left.data(), left.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) ::_exit(1);
        left.remove_prefix(static_cast<std::size_t>(n));
    }
    ::_exit(0);
}

/// What keeps the user out of each path, in their order; empty if it could not be tried.
std::vector<std::string> what_hides(const ServiceUser& user, const std::vector<std::string>& paths) {
    std::vector<std::string> out;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return out;
    core::UniqueFd from(ends[0]), to(ends[1]);
    const pid_t pid = ::fork();
    if (pid < 0) return out;
    if (pid == 0) look_as(user, paths, to.get());
    to.reset();
    std::string text;
    char buffer[4096];
    for (;;) {
        const ssize_t n = ::read(from.get(), buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        text.append(buffer, static_cast<std::size_t>(n));
    }
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        out.push_back(line);
    if (status != 0 || out.size() != paths.size()) out.clear();
    return out;
}

/// "" or why a CA file can't be used.
core::Message ca_problem(const std::string& file) {
    const auto text = core::read_file(file, kMaxCa);
    if (!text) return text.error().sys != 0 ? core::Message(std::strerror(text.error().sys)) : text.error().what;
    return text->find("-----BEGIN ") == std::string::npos ? "it has no certificate in PEM" : "";
}

}  // namespace

std::optional<ServiceUser> service_user(const Config& config) {
    if (const pid_t pid = core::LockFile::holder(paths_of(config.agent).agent_lock); pid > 0) {
        if (auto user = user_of_process(pid)) return user;
    }
    return user_of_unit(config.path);
}

void look_at_files(const Config& config, ConfigSeen& seen) {
    const auto user = service_user(config);
    if (user) {
        seen.agent_user = user->name;
        seen.agent_group = user->group;
    }
    std::vector<FileSeen> files = {{"", config.path, {}, {}}};
    const auto ca = [&](const std::string& link, const std::string& file) {
        if (file.empty()) return;
        core::Message problem = ca_problem(file);
        if (problem.empty()) return files.push_back({link, file, {}, {}});
        // Without root, what is there may be the agent's alone.
        if (::geteuid() != 0 && ::access(file.c_str(), R_OK) != 0 && errno == EACCES) return;
        const bool told = std::any_of(seen.ca_files.begin(), seen.ca_files.end(),
                                      [&](const auto& other) { return other.file == file; });
        if (!told) seen.ca_files.push_back({link, file, std::move(problem), {}});
    };
    ca("", config.aliyun.ca_file);
    for (const LinkConfig& link : config.links) {
        ca(link.name, link.probe.ca_file);
        const auto state = link.token.file.empty() ? std::nullopt : look_at(link.token.file);
        if (!state) continue;
        files.push_back({link.name, link.token.file, {}, {}});
        if ((state->st_mode & 07) == 0) continue;
        TokenModeSeen open{link.name, link.token.file, fmt::format("{:04o}", state->st_mode & 07777), {}, {}, "0600"};
        open.owner = name_of_user(state->st_uid);
        open.group = name_of_group(state->st_gid);
        // What others have now, the agent keeps by its group.
        if (user && user->uid != 0 && user->uid != state->st_uid) {
            open.group = user->group;
            open.wanted = "0640";
        } else if (!user && (state->st_mode & 040) != 0) {
            open.wanted = "0640";
        }
        seen.open_tokens.push_back(std::move(open));
    }
    if (!user || ::geteuid() != 0) return;
    std::vector<std::string> paths;
    for (const auto& file : files)
        paths.push_back(file.file);
    const auto hides = what_hides(*user, paths);
    std::set<std::string> told;
    for (std::size_t i = 0; i < hides.size(); ++i) {
        if (hides[i].empty() || !told.insert(paths[i]).second) continue;
        files[i].problem = core::message("user {} has no right to {}", user->name, hides[i]);
        files[i].blocker = hides[i];
        seen.hidden.push_back(std::move(files[i]));
    }
}

}  // namespace postern::agent::doctor
