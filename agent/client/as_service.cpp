// SPDX-License-Identifier: Apache-2.0
#include "agent/client/as_service.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "agent/client/service_user.h"

namespace postern::agent {
namespace {

constexpr const char* kUnit = "postern.service";
constexpr const char* kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";  // systemd's default

/// What systemd sets before the unit's own.
void take_environment(const ServiceUnit& unit, const std::optional<ServiceUser>& account) {
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

}  // namespace

core::Message ServiceEyes::cannot_read(const std::string& path) const {
    if (const std::string setting = unit.hides(path); !setting.empty())
        return core::message("{} can't be seen by the service: {} in {} hides its folder", path, setting, kUnit);
    if (as_user && ::access(path.c_str(), R_OK) != 0 && errno == EACCES)
        return core::message("{} can't be read by user {}", path, user);
    return {};
}

std::optional<ServiceEyes> look_as_service(const std::string& config) {
    ServiceEyes eyes;
    eyes.unit = read_service_unit(kUnit);
    if (eyes.unit.path.empty() || eyes.unit.config() != config) return std::nullopt;
    eyes.user = eyes.unit.user.empty() ? "root" : eyes.unit.user;
    eyes.not_checked = eyes.unit.not_read;
    const auto account = find_user(eyes.user);
    take_environment(eyes.unit, account);
    core::Message problem;
    const bool already = account && account->uid == ::geteuid() && ::geteuid() == ::getuid();
    if (!account) {
        problem = "there is no such user yet";
    } else if (!already) {
        const auto done = ::geteuid() == 0 ? with_groups(*account, eyes.unit).and_then(become)
                                           : core::fail(core::Code::kPermission, "run it as root");
        if (!done) problem = done.error().told();
    }
    eyes.as_user = problem.empty();
    if (!problem.empty()) eyes.not_checked.push_back(core::message("what user {} may read: {}", eyes.user, problem));
    return eyes;
}

}  // namespace postern::agent
