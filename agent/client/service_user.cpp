// SPDX-License-Identifier: Apache-2.0
#include "agent/client/service_user.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace postern::agent {
namespace {

using core::Code;

template <class Id>
std::optional<Id> number(const std::string& text) {
    Id out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return out;
}

std::optional<gid_t> find_group(const std::string& name) {
    if (const struct group* found = ::getgrnam(name.c_str())) return found->gr_gid;
    return number<gid_t>(name);
}

}  // namespace

std::string name_of_user(uid_t uid) {
    const passwd* found = ::getpwuid(uid);
    return found != nullptr ? found->pw_name : std::to_string(uid);
}

std::string name_of_group(gid_t gid) {
    const struct group* found = ::getgrgid(gid);
    return found != nullptr ? found->gr_name : std::to_string(gid);
}

std::optional<ServiceUser> find_user(const std::string& name) {
    const std::string wanted = name.empty() ? "root" : name;
    const passwd* found = ::getpwnam(wanted.c_str());
    const auto uid = number<uid_t>(wanted);
    if (found == nullptr && uid) found = ::getpwuid(*uid);
    if (found == nullptr && !uid) return std::nullopt;
    ServiceUser out;
    out.uid = found != nullptr ? found->pw_uid : *uid;
    out.gid = found != nullptr ? found->pw_gid : static_cast<gid_t>(*uid);
    out.name = found != nullptr ? found->pw_name : wanted;
    if (found != nullptr) {
        out.home = found->pw_dir;
        out.shell = found->pw_shell;
    }
    out.group = name_of_group(out.gid);
    return out;
}

core::Result<ServiceUser> with_groups(ServiceUser user, const ServiceUnit& unit) {
    const auto missing = [](const std::string& name) {
        return core::fail(Code::kUsage, core::message("there is no group {}", name));
    };
    if (!unit.group.empty()) {
        const auto found = find_group(unit.group);
        if (!found) return missing(unit.group);
        user.gid = *found;
        user.group = name_of_group(user.gid);
    }
    int count = 64;
    user.groups.resize(static_cast<std::size_t>(count));
    if (::getgrouplist(user.name.c_str(), user.gid, user.groups.data(), &count) < 0) {
        user.groups.resize(static_cast<std::size_t>(count));  // as many as there are
        if (::getgrouplist(user.name.c_str(), user.gid, user.groups.data(), &count) < 0) count = 0;
    }
    user.groups.resize(static_cast<std::size_t>(count));
    for (const std::string& name : unit.more_groups) {
        const auto more = find_group(name);
        if (!more) return missing(name);
        user.groups.push_back(*more);
    }
    return user;
}

core::Result<void> become(const ServiceUser& user) {
    if (::setgroups(user.groups.size(), user.groups.data()) != 0 || ::setgid(user.gid) != 0 || ::setuid(user.uid) != 0)
        return core::fail(Code::kPermission, core::message("cannot become user {}", user.name), {}, errno);
    return {};
}

}  // namespace postern::agent
