// SPDX-License-Identifier: Apache-2.0
// The host: files and daemons that affect name resolution, containers, environment variables.
#include <fmt/format.h>
#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>
#include <set>
#include <sstream>

#include "agent/client/console.h"
#include "agent/config/paths.h"
#include "agent/doctor/java_cache.h"
#include "agent/doctor/observe.h"

namespace postern::agent::doctor {

namespace {

constexpr std::size_t kMaxProcesses = 20000, kMaxFound = 100;

std::vector<int> processes(const HostSystem& host) {
    std::vector<int> out;
    for (const auto& name : host.list("/proc")) {
        int pid = 0;
        const auto [end, ec] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (ec == std::errc{} && end == name.data() + name.size() && out.size() < kMaxProcesses) out.push_back(pid);
    }
    return out;
}

/// "pid:[4026531836]"; "" if it can't be read.
std::string space_of(const std::string& process, const char* kind) {
    char target[64];
    const ssize_t size = ::readlink((process + "/ns/" + kind).c_str(), target, sizeof target);
    return size <= 0 ? "" : std::string(target, static_cast<std::size_t>(size));
}

std::string first_word(const std::optional<std::string>& text) {
    std::istringstream in(text.value_or(""));
    std::string word;
    in >> word;
    return word;
}

using FileId = std::pair<dev_t, ino_t>;

std::optional<FileId> file_id(const std::string& path) {
    struct stat st;
    if (::stat(path.c_str(), &st) != 0 || !S_ISREG(st.st_mode)) return std::nullopt;
    return FileId{st.st_dev, st.st_ino};
}

/// Containers in the DNS sense: processes with their own PID namespace and resolv.conf.
std::vector<ContainerSeen> containers(const HostSystem& host, const std::vector<int>& pids) {
    std::vector<ContainerSeen> out;
    const std::string own_pids = space_of("/proc/self", "pid"), own_network = space_of("/proc/self", "net");
    std::set<FileId> seen;
    if (const auto own = file_id("/etc/resolv.conf")) seen.insert(*own);
    for (const int pid : pids) {
        const std::string process = "/proc/" + std::to_string(pid), conf = process + "/root/etc/resolv.conf";
        const std::string space = space_of(process, "pid");
        if (space.empty() || space == own_pids || out.size() >= kMaxFound) continue;
        const auto id = file_id(conf);
        if (!id || !seen.insert(*id).second) continue;
        std::string name = first_word(host.read(process + "/root/etc/hostname"));
        out.push_back({pid, name.empty() ? "pid " + std::to_string(pid) : std::move(name),
                       space_of(process, "net") != own_network, host.read(conf).value_or("")});
    }
    return out;
}

/// The setting that makes a JVM keep addresses for ever, and where it is; "" if none does.
std::string java_setting(const HostSystem& host, const std::string& process) {
    std::string line = host.read(process + "/cmdline").value_or("");
    std::replace(line.begin(), line.end(), '\0', '\n');
    std::vector<std::string> command;
    std::istringstream words(line);
    for (std::string word; std::getline(words, word);)
        command.push_back(word);
    const std::string program = host.real_path(process + "/exe");
    const auto home = program.rfind("/bin/java");
    std::string file, security;
    if (home != std::string::npos) {
        for (const auto& path : security_files(program.substr(0, home))) {
            if (const auto text = host.read(process + "/root" + path)) {
                file = path;
                security = *text;
                break;
            }
        }
    }
    const std::string own = own_security_file(command);
    const std::string more = own.empty() ? "" : host.read(process + "/root" + own).value_or("");
    const std::string setting = keeps_for_ever(command, security, more);
    if (setting.empty() || setting.starts_with('-')) return setting;
    return (keeps_for_ever({}, more).empty() ? file : own) + ": " + setting;
}

std::vector<JvmSeen> jvms(const HostSystem& host, const std::vector<int>& pids) {
    std::vector<JvmSeen> out;
    for (const int pid : pids) {
        const std::string process = "/proc/" + std::to_string(pid);
        if (first_word(host.read(process + "/comm")) != "java" || out.size() >= kMaxFound) continue;
        if (std::string setting = java_setting(host, process); !setting.empty())
            out.push_back({pid, std::move(setting)});
    }
    return out;
}

/// Of this network namespace, which /sys need not show.
std::vector<std::string> interfaces() {
    std::vector<std::string> out;
    const std::unique_ptr<struct if_nameindex, decltype(&::if_freenameindex)> all(::if_nameindex(), ::if_freenameindex);
    for (const auto* i = all.get(); i != nullptr && i->if_index != 0 && out.size() < kMaxFound; ++i)
        out.emplace_back(i->if_name);
    return out;
}

/// Whether nscd.conf lets it keep host names: the default is yes.
bool nscd_keeps_hosts(const HostSystem& host) {
    std::istringstream lines(host.read("/etc/nscd.conf").value_or(""));
    bool keeps = true;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string key, service, value;
        if (words >> key >> service >> value && key == "enable-cache" && service == "hosts") keeps = value != "no";
    }
    return keeps;
}

/// Whether the running nscd was started before its file was changed last.
bool nscd_is_older(const HostSystem& host, const std::vector<int>& pids) {
    struct stat conf, process;
    if (::stat("/etc/nscd.conf", &conf) != 0) return false;
    for (const int pid : pids) {
        const std::string folder = "/proc/" + std::to_string(pid);
        if (first_word(host.read(folder + "/comm")) != "nscd" || ::stat(folder.c_str(), &process) != 0) continue;
        return process.st_ctim.tv_sec < conf.st_mtim.tv_sec;
    }
    return false;
}

/// The file, or the first folder on the way to it, that users without special rights can't read; "" if they can.
std::string shut_to_users(const HostSystem& host, const std::string& name) {
    const std::string path = host.real_path(name);
    struct stat st;
    for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
        const std::string folder = path.substr(0, at);
        if (::stat(folder.c_str(), &st) == 0 && (st.st_mode & S_IXOTH) == 0) return folder;
    }
    return !path.empty() && ::stat(path.c_str(), &st) == 0 && (st.st_mode & S_IROTH) == 0 ? path : "";
}

/// "" or why /etc/hosts could not be looked at.
core::Message hosts_problem(const HostSystem& host) {
    struct stat st;
    if (::stat("/etc/hosts", &st) != 0 || host.read("/etc/hosts")) return "";
    return ::access("/etc/hosts", R_OK) != 0 ? core::Message(std::strerror(errno))
                                             : core::message("it has {} MiB", st.st_size >> 20);
}

}  // namespace

HostSeen look_at_host(const Config& config, const std::vector<std::string>& names) {
    HostSeen seen;
    const auto host = HostSystem::real();
    seen.root = ::geteuid() == 0;
    const Paths paths = paths_of(config.agent);
    seen.report = report_host_dns(*host, JournalFile(paths.hostdns).load(),
                                  load_path_look(paths.host_path, core::now_wall_us()), names);
    seen.resolv_conf = host->read("/etc/resolv.conf").value_or("");
    seen.addresses = host->addresses();
    seen.nsswitch = host->read("/etc/nsswitch.conf").value_or("");
    seen.resolved = host->process_runs("systemd-resolved");
    seen.hosts_problem = hosts_problem(*host);
    for (const char* name : {"/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/hosts"}) {
        const std::string shut = shut_to_users(*host, name);
        if (!shut.empty() && std::find(seen.shut.begin(), seen.shut.end(), shut) == seen.shut.end())
            seen.shut.push_back(shut);
    }
    seen.hooks = host->list("/run/systemd/resolve.hook");
    seen.interfaces = interfaces();
    seen.upstreams = upstreams_of(config);
    const auto all = processes(*host);
    seen.containers = containers(*host, all);
    std::vector<int> own;
    std::copy_if(all.begin(), all.end(), std::back_inserter(own), [&](int pid) { return host->is_own(pid); });
    if (host->process_runs("nscd")) {
        seen.nscd = nscd_keeps_hosts(*host);
        seen.nscd_restart = !seen.nscd && nscd_is_older(*host, own);
    }
    seen.jvms = jvms(*host, own);
    for (const char* name :
         {"https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"}) {
        if (const char* value = std::getenv(name)) seen.environment.emplace_back(name, value);
    }
    return seen;
}

}  // namespace postern::agent::doctor
