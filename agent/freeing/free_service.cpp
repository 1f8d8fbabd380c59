// SPDX-License-Identifier: Apache-2.0
#include "agent/freeing/free_service.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "agent/freeing/free_stream.h"
#include "core/file_system.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/text.h"

namespace postern::agent {

namespace {

constexpr Micros kAsker = core::kSecond;  // a line comes at once
constexpr int kFirstPassed = 3;           // sd_listen_fds(3)

FreeReply refused(FreeRefusal why) {
    return {why, 0, 0};
}

void tell(const FreeRequest& request, const FreeReply& reply, const Destroyer& destroyer) {
    if (reply.freed == 0 && reply.refusal == FreeRefusal::kNone) return;
    std::string users;
    for (const auto& [uid, count] : destroyer.users())
        core::add_item(users, std::to_string(uid) + " has " + std::to_string(count));
    core::log_info("connections_freed", "lost connections of applications were ended",
                   {{"ip", request.address.ip.text()},
                    {"port", std::to_string(request.address.port)},
                    {"freed", std::to_string(reply.freed)},
                    {"left", std::to_string(reply.left)},
                    {"users", users},
                    {"refusal", std::string(to_string(reply.refusal))}});
}

std::uint32_t user_of(int peer) {
    ucred who{};
    socklen_t length = sizeof who;
    return ::getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &who, &length) == 0 ? who.uid : 0;
}

}  // namespace

FreeReply answer_free_request(std::string_view line, std::uint32_t user, const std::string& plan_path,
                              Destroyer& destroyer) {
    const auto request = FreeRequest::parse(line);
    if (!request) return refused(FreeRefusal::kMalformed);
    const auto plan = core::PlanView::load(plan_path);
    if (!plan) return refused(FreeRefusal::kNoPlan);
    const Permission may = may_free(*plan, request->address, core::now_mono_us(), core::boot_id(), false);
    if (may.refusal != FreeRefusal::kNone) return refused(may.refusal);
    FreeOrder order{request->address, may.lost, {}, false};
    if (user != 0) order.spared_user = user;
    const FreeReply reply = destroyer.end_lost(order);
    tell(*request, reply, destroyer);
    return reply;
}

core::Result<core::UniqueFd> free_listener(const std::string& path) {
    const char* const count = std::getenv("LISTEN_FDS");
    const char* const pid = std::getenv("LISTEN_PID");
    if (count != nullptr && pid != nullptr && std::to_string(::getpid()) == pid && std::strcmp(count, "1") == 0) {
        ::fcntl(kFirstPassed, F_SETFD, FD_CLOEXEC);
        return core::UniqueFd(kFirstPassed);
    }
    const auto name = unix_address(path);
    if (!name) return core::fail(name.error());
    core::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ::unlink(path.c_str());
    if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&*name), sizeof *name) != 0 ||
        ::chmod(path.c_str(), 0660) != 0 || ::listen(fd.get(), 8) != 0)
        return core::fail(core::Code::kSocket, "can't listen on " + path, "", errno);
    return fd;
}

void serve_free_requests(int listener, const std::string& plan_path, Micros idle_us) {
    Destroyer destroyer;
    for (;;) {
        pollfd wait{listener, POLLIN, 0};
        const int ready = ::poll(&wait, 1, idle_us == 0 ? -1 : static_cast<int>(idle_us / core::kMillisecond));
        if (ready == 0) return;
        if (ready < 0 && errno != EINTR) return;
        if (ready < 0) continue;
        const core::UniqueFd peer(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
        if (!peer && errno != EINTR && errno != ECONNABORTED && errno != EAGAIN) return;
        if (!peer) continue;
        limit_waiting(peer.get(), kAsker);
        if (const auto line = read_line(peer.get()))
            write_line(peer.get(), answer_free_request(*line, user_of(peer.get()), plan_path, destroyer).line());
    }
}

}  // namespace postern::agent
