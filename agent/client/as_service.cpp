// SPDX-License-Identifier: Apache-2.0
#include "agent/client/as_service.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <cstring>

namespace postern::agent {
namespace {

constexpr const char* kUnit = "postern.service";
constexpr const char* kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";  // systemd's default

struct Account {
    uid_t uid = 0;
    gid_t gid = 0;
    std::string name, home, shell;
};

template <class Id>
std::optional<Id> number(const std::string& text) {
    Id out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return out;
}

std::optional<Account> account_of(const std::string& user) {
    const passwd* found = ::getpwnam(user.c_str());
    const auto uid = number<uid_t>(user);
    if (found == nullptr && uid) found = ::getpwuid(*uid);
    if (found != nullptr) return Account{found->pw_uid, found->pw_gid, found->pw_name, found->pw_dir, found->pw_shell};
    if (uid) return Account{*uid, static_cast<gid_t>(*uid), user, "", ""};
    return std::nullopt;
}

std::optional<gid_t> group_of(const std::string& group) {
    if (const struct group* found = ::getgrnam(group.c_str())) return found->gr_gid;
    return number<gid_t>(group);
}

/// What systemd sets before the unit's own.
void take_environment(const ServiceUnit& unit, const std::optional<Account>& account) {
    ::clearenv();
    ::setenv("PATH", kPath, 1);
    if (account && !unit.user.empty()) {
        for (const auto& [name, value] : {std::pair{"HOME", &account->home},
                                          {"USER", &account->name},
                                          {"LOGNAME", &account->name},
                                          {"SHELL", &account->shell}}) {
            if (!value->empty()) ::setenv(name, value->c_str(), 1);
        }
    }
    for (const auto& [name, value] : unit.environment)
        ::setenv(name.c_str(), value.c_str(), 1);
}

/// "" or the step that failed.
std::string become(const ServiceUnit& unit, const Account& account) {
    gid_t gid = account.gid;
    if (!unit.group.empty()) {
        const auto found = group_of(unit.group);
        if (!found) return "there is no group " + unit.group;
        gid = *found;
    }
    if (::initgroups(account.name.c_str(), gid) != 0) return std::string("initgroups: ") + std::strerror(errno);
    std::vector<gid_t> groups(static_cast<std::size_t>(NGROUPS_MAX));
    const int n = ::getgroups(NGROUPS_MAX, groups.data());
    groups.resize(static_cast<std::size_t>(std::max(n, 0)));
    for (const std::string& name : unit.more_groups) {
        const auto more = group_of(name);
        if (!more) return "there is no group " + name;
        groups.push_back(*more);
    }
    if (::setgroups(groups.size(), groups.data()) != 0 || ::setgid(gid) != 0 || ::setuid(account.uid) != 0)
        return std::strerror(errno);
    return {};
}

}  // namespace

std::string ServiceEyes::cannot_read(const std::string& path) const {
    if (const std::string setting = unit.hides(path); !setting.empty())
        return fmt::format("{} can't be seen by the service: {} in {} hides its folder", path, setting, kUnit);
    if (as_user && ::access(path.c_str(), R_OK) != 0 && errno == EACCES)
        return fmt::format("{} can't be read by user {}", path, user);
    return {};
}

std::optional<ServiceEyes> look_as_service(const std::string& config) {
    ServiceEyes eyes;
    eyes.unit = read_service_unit(kUnit);
    if (eyes.unit.path.empty() || eyes.unit.config() != config) return std::nullopt;
    eyes.user = eyes.unit.user.empty() ? "root" : eyes.unit.user;
    eyes.not_checked = eyes.unit.not_read;
    const auto account = account_of(eyes.user);
    take_environment(eyes.unit, account);
    const std::string what = "what user " + eyes.user + " may read: ";
    std::string problem;
    const bool already = account && account->uid == ::geteuid() && ::geteuid() == ::getuid();
    if (!account) {
        problem = "there is no such user yet";
    } else if (!already) {
        problem = ::geteuid() == 0 ? become(eyes.unit, *account) : "run it as root";
    }
    eyes.as_user = problem.empty();
    if (!problem.empty()) eyes.not_checked.push_back(what + problem);
    return eyes;
}

}  // namespace postern::agent
