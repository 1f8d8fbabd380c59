// SPDX-License-Identifier: Apache-2.0
#include "core/process.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <utility>

namespace postern::core {
namespace {

[[noreturn]] void become(const ChildSpec& spec, char* const* argv, char* const* environment, int report_fd) {
    const auto die = [&] {
        const int error = errno;
        [[maybe_unused]] const auto n = ::write(report_fd, &error, sizeof error);
        _exit(127);
    };
    ::setsid();
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) die();
    // With an empty bounding set the program has no capability, even as uid 0. EPERM: this process may not change it.
    for (unsigned long capability = 0; capability < 64; ++capability)
        ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    // Ambient and, to uid 0, inheritable capabilities are passed on whatever the bounding set is. What is permitted to
    // this process lasts until exec, which may need it to reach the program.
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct sets[2]{};
    if (::syscall(SYS_capget, &head, sets) != 0) die();
    const bool inherits = (std::exchange(sets[0].inheritable, 0) | std::exchange(sets[1].inheritable, 0)) != 0;
    if (inherits && ::syscall(SYS_capset, &head, sets) != 0) die();
    // First move the descriptors above 3, 4, …: one of them may be 3 itself.
    const int count = static_cast<int>(spec.fds.size());
    const int base = 3 + count;
    const int report = ::fcntl(report_fd, F_DUPFD_CLOEXEC, base);
    if (report < 0) die();
    report_fd = report;
    const int output = spec.stdout_fd < 0 ? -1 : ::fcntl(spec.stdout_fd, F_DUPFD_CLOEXEC, base);
    if (spec.stderr_fd != STDERR_FILENO && ::dup2(spec.stderr_fd, STDERR_FILENO) < 0) die();
    int moved[64];
    for (int i = 0; i < count; ++i) {
        moved[i] = ::fcntl(spec.fds[static_cast<std::size_t>(i)], F_DUPFD_CLOEXEC, base + 1);
        if (moved[i] < 0) die();
    }
    for (int i = 0; i < count; ++i) {
        if (::dup2(moved[i], 3 + i) < 0) die();
    }
    const int null = ::open("/dev/null", O_RDWR);
    if (null >= 0) {
        ::dup2(null, STDIN_FILENO);
        ::dup2(null, STDOUT_FILENO);
    }
    if (output >= 0 && ::dup2(output, STDOUT_FILENO) < 0) die();
    // Closes everything else at exec, with O_CLOEXEC or without.
    ::syscall(SYS_close_range, static_cast<unsigned>(base), ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);
    ::execve(argv[0], argv, environment);
    die();
    _exit(127);
}

}  // namespace

Result<pid_t> start_child(const ChildSpec& spec) {
    if (spec.argv.empty() || spec.fds.size() > 64)
        return fail(Code::kInternal, "no program to start, or too many descriptors");
    int report[2];
    if (::pipe2(report, O_CLOEXEC) != 0) return fail(Code::kInternal, "cannot make a pipe", {}, errno);
    const UniqueFd read_end(report[0]);
    UniqueFd write_end(report[1]);
    const auto pointers = [](const std::vector<std::string>& texts) {
        std::vector<char*> out;
        out.reserve(texts.size() + 1);
        for (const auto& text : texts)
            out.push_back(const_cast<char*>(text.c_str()));
        out.push_back(nullptr);
        return out;
    };
    const std::vector<char*> argv = pointers(spec.argv), environment = pointers(spec.environment);
    const pid_t pid = ::fork();
    if (pid < 0) return fail(Code::kInternal, message("cannot start {}", spec.argv[0]), {}, errno);
    if (pid == 0) become(spec, argv.data(), environment.data(), write_end.get());
    write_end.reset();
    int error = 0;
    ssize_t n = 0;
    do {
        n = ::read(read_end.get(), &error, sizeof error);  // 0 bytes when exec closed the pipe: it succeeded
    } while (n < 0 && errno == EINTR);
    if (n == static_cast<ssize_t>(sizeof error)) {
        ::waitpid(pid, nullptr, 0);
        return fail(error == ENOENT ? Code::kFileMissing : Code::kInternal, message("cannot run {}", spec.argv[0]), {},
                    error);
    }
    return pid;
}

Result<void> ProcessWatch::start(Loop& loop, pid_t pid, std::function<void()> ended) {
    stop();
    const auto fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (fd < 0) return fail(Code::kFileMissing, message("no process {}", pid), {}, errno);
    pidfd_.reset(fd);
    pid_ = pid;
    wait_status_ = -1;
    watcher_.start(loop, fd, UV_READABLE, [this, fn = std::move(ended)](int, int) {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) == pid_) wait_status_ = status;
        auto run = fn;
        stop();
        run();
    });
    return {};
}

void ProcessWatch::stop() {
    watcher_.stop();
    pidfd_.reset();
}

bool ProcessWatch::signal(int number) {
    return pidfd_ && ::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0) == 0;
}

std::string program_folder() {
    char path[4096];
    const ssize_t n = ::readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0) return ".";
    const std::string all(path, static_cast<std::size_t>(n));
    return all.substr(0, all.rfind('/'));
}

}  // namespace postern::core
