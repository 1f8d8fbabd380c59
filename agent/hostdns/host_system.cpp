// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/host_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <sstream>

#include "core/clock.h"
#include "core/fd.h"
#include "core/file_system.h"
#include "core/log.h"

namespace postern::agent {
namespace {

using core::Code;

constexpr std::size_t kMaxBytes = 1 << 20;
constexpr core::Micros kPatience = 20 * core::kSecond;
constexpr int kLookEveryMs = 20;
constexpr const char* kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr const char* kLabel = "security.selinux";

std::string label_of(const std::string& path) {
    std::array<char, 512> buffer;
    const ssize_t n = ::lgetxattr(path.c_str(), kLabel, buffer.data(), buffer.size());
    if (n <= 0) return {};
    return {buffer.data(), static_cast<std::size_t>(n)};
}

/// fork, exec, both outputs through one pipe, at most kPatience. The child gets a minimal environment: nothing of
/// ours, so no secret.
CommandResult run(const Argv& argv, const std::string& input) {
    CommandResult result;
    int out[2], in[2];
    if (::pipe2(out, O_CLOEXEC) != 0) return result;
    core::UniqueFd out_read(out[0]), out_write(out[1]);
    if (::pipe2(in, O_CLOEXEC) != 0) return result;
    core::UniqueFd in_read(in[0]), in_write(in[1]);
    std::vector<char*> args;
    for (const auto& word : argv)
        args.push_back(const_cast<char*>(word.c_str()));
    args.push_back(nullptr);
    const std::string path = std::string("PATH=") + kPath;
    std::array<char*, 3> environment = {const_cast<char*>(path.c_str()), const_cast<char*>("LC_ALL=C"), nullptr};
    const pid_t pid = ::fork();
    if (pid < 0) return result;
    if (pid == 0) {
        ::setpgid(0, 0);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, nullptr);
        std::signal(SIGPIPE, SIG_DFL);
        ::dup2(in_read.get(), STDIN_FILENO);
        ::dup2(out_write.get(), STDOUT_FILENO);
        ::dup2(out_write.get(), STDERR_FILENO);
        std::istringstream folders{std::string(kPath)};
        for (std::string folder; std::getline(folders, folder, ':');) {
            ::execve((folder + "/" + argv[0]).c_str(), args.data(), environment.data());
        }
        _exit(127);
    }
    in_read.reset();
    out_write.reset();
    std::signal(SIGPIPE, SIG_IGN);
    // The input is at most a few hundred bytes: it fits into the pipe.
    if (!input.empty() && ::write(in_write.get(), input.data(), std::min<std::size_t>(input.size(), 4096)) < 0) {
        core::log_debug("command_input_lost", argv[0]);
    }
    in_write.reset();
    const core::Micros deadline = core::now_mono_us() + kPatience;
    int status = 0;
    bool ended = false, late = false;
    // A service that the command started may keep the pipe open: wait for the process, not for the pipe.
    for (bool open = true; open && !late;) {
        pollfd p{out_read.get(), POLLIN, 0};
        const int ready = ::poll(&p, 1, ended ? 0 : kLookEveryMs);
        if (ready < 0 && errno == EINTR) continue;
        if (ready > 0) {
            std::array<char, 4096> buffer;
            const ssize_t n = ::read(out_read.get(), buffer.data(), buffer.size());
            open = n > 0;
            if (n > 0 && result.output.size() < kMaxBytes)
                result.output.append(buffer.data(), static_cast<std::size_t>(n));
        } else if (ended) {
            open = false;
        } else {
            ended = ::waitpid(pid, &status, WNOHANG) == pid;
        }
        late = !ended && core::now_mono_us() > deadline;
    }
    if (late) ::kill(-pid, SIGKILL);
    while (!ended && ::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    result.exit = late ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return result;
}

/// What a link of /proc/PID/ns leads to; "" if it can't be read.
std::string space_of(const std::string& process, const char* kind) {
    std::array<char, 64> target;
    const ssize_t n = ::readlink((process + "/ns/" + kind).c_str(), target.data(), target.size());
    return n <= 0 ? "" : std::string(target.data(), static_cast<std::size_t>(n));
}

/// Not of a container: no PID namespace below ours, our network, our root folder. A service of systemd has its own mount
/// namespace, too, but of the same root. What can't be read, as without root, says nothing.
bool is_of_host(const std::string& process) {
    std::istringstream status(core::read_file(process + "/status", kMaxBytes).value_or(""));
    for (std::string line; std::getline(status, line);) {
        if (line.rfind("NSpid:", 0) != 0) continue;
        std::istringstream words(line.substr(6));
        int pids = 0;
        for (std::string pid; words >> pid;)
            ++pids;
        if (pids > 1) return false;
    }
    const std::string network = space_of(process, "net");
    if (!network.empty() && network != space_of("/proc/self", "net")) return false;
    struct stat own, its;
    if (::stat("/", &own) != 0 || ::stat((process + "/root").c_str(), &its) != 0) return true;
    return own.st_dev == its.st_dev && own.st_ino == its.st_ino;
}

class RealHost final : public HostSystem {
  public:
    core::Result<FileState> look(const std::string& path) const override {
        struct stat st;
        if (::lstat(path.c_str(), &st) != 0) {
            if (errno == ENOENT || errno == ENOTDIR) return FileState{};
            return core::fail(Code::kFileUnreadable, core::message("cannot look at {}", path), {}, errno);
        }
        FileState state;
        state.mode = st.st_mode & 07777;
        state.uid = st.st_uid;
        state.gid = st.st_gid;
        state.selinux = label_of(path);
        if (S_ISLNK(st.st_mode)) {
            std::array<char, PATH_MAX> target;
            const ssize_t n = ::readlink(path.c_str(), target.data(), target.size());
            if (n < 0)
                return core::fail(Code::kFileUnreadable, core::message("cannot read the link {}", path), {}, errno);
            state.kind = FileState::Kind::kLink;
            state.content.assign(target.data(), static_cast<std::size_t>(n));
        } else if (S_ISREG(st.st_mode)) {
            auto bytes = core::read_file(path, kMaxBytes);
            if (!bytes) return core::fail(bytes.error());
            state.kind = FileState::Kind::kFile;
            state.content = std::move(*bytes);
        } else {
            state.kind = FileState::Kind::kOther;
        }
        return state;
    }

    std::optional<std::string> read(const std::string& path) const override {
        auto bytes = core::read_file(path, kMaxBytes);
        if (!bytes) return std::nullopt;
        return std::move(*bytes);
    }

    std::string real_path(const std::string& path) const override {
        std::array<char, PATH_MAX> buffer;
        return ::realpath(path.c_str(), buffer.data()) == nullptr ? std::string() : buffer.data();
    }

    std::vector<std::string> list(const std::string& folder) const override {
        std::vector<std::string> names;
        DIR* dir = ::opendir(folder.c_str());
        if (dir == nullptr) return names;
        while (const dirent* entry = ::readdir(dir)) {
            const std::string name = entry->d_name;
            if (name != "." && name != ".." && names.size() < 4096) names.push_back(name);
        }
        ::closedir(dir);
        std::sort(names.begin(), names.end());
        return names;
    }

    bool program_exists(const std::string& name) const override {
        std::istringstream folders{std::string(kPath)};
        for (std::string folder; std::getline(folders, folder, ':');) {
            if (::access((folder + "/" + name).c_str(), X_OK) == 0) return true;
        }
        return false;
    }

    bool is_own(int pid) const override { return is_of_host("/proc/" + std::to_string(pid)); }

    bool process_runs(const std::string& name) const override {
        for (const auto& entry : list("/proc")) {
            if (entry.find_first_not_of("0123456789") != entry.npos) continue;
            const auto comm = core::read_file("/proc/" + entry + "/comm", 64);
            if (comm && comm->substr(0, comm->find('\n')) == name.substr(0, 15) && is_of_host("/proc/" + entry))
                return true;
        }
        return false;
    }

    bool is_mount_point(const std::string& path) const override {
        // ID, parent, device, root, mount point: a bind mount of it elsewhere is not a mount here.
        std::istringstream lines(read("/proc/self/mountinfo").value_or(""));
        for (std::string line; std::getline(lines, line);) {
            std::istringstream words(line);
            std::string word;
            for (int field = 0; field < 5; ++field)
                words >> word;
            if (word == path) return true;
        }
        return false;
    }

    bool is_immutable(const std::string& path) const override {
        const core::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
        int flags = 0;
        return fd && ::ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_IMMUTABLE_FL) != 0;
    }

    bool is_read_only(const std::string& folder) const override {
        struct statvfs fs;
        return ::statvfs(folder.c_str(), &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0;
    }

    std::vector<core::IpAddress> addresses() const override {
        std::vector<core::IpAddress> out;
        ifaddrs* all = nullptr;
        if (::getifaddrs(&all) != 0) return out;
        for (const ifaddrs* i = all; i != nullptr; i = i->ifa_next) {
            if (i->ifa_addr == nullptr) continue;
            if (const auto address = core::SocketAddress::from(i->ifa_addr)) out.push_back(address->ip);
        }
        ::freeifaddrs(all);
        return out;
    }

    CommandResult ask(const Argv& argv) const override { return run(argv, {}); }

    CommandResult act(const Argv& argv, const std::string& input) override {
        CommandResult result = run(argv, input);
        maybe_stop_after_change();
        return result;
    }

    core::Result<void> put(const std::string& path, const FileState& state) override {
        auto done = put_now(path, state);
        if (done) maybe_stop_after_change();
        return done;
    }

  private:
    core::Result<void> put_now(const std::string& path, const FileState& state) {
        const auto failed = [&](core::Message what) {
            return core::fail(errno == ENOSPC ? Code::kDiskFull : Code::kFileWrite, std::move(what), {}, errno);
        };
        const std::string folder = core::folder_of(path);
        if (state.kind == FileState::Kind::kAbsent) {
            if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed(core::message("cannot remove {}", path));
            return sync_folder(folder);
        }
        if (auto made = core::make_folders(folder, 0755); !made) return made;
        const bool in_place = is_mount_point(path);
        const std::string label = !state.selinux.empty() ? state.selinux : label_of(path);
        const std::string temporary = in_place ? path : path + ".postern-new";
        if (!in_place) ::unlink(temporary.c_str());
        if (state.kind == FileState::Kind::kLink) {
            if (::symlink(state.content.c_str(), temporary.c_str()) != 0)
                return failed(core::message("cannot make the link {}", temporary));
            if (::lchown(temporary.c_str(), state.uid, state.gid) != 0)
                return failed(core::message("cannot give away {}", temporary));
            if (!label.empty()) ::lsetxattr(temporary.c_str(), kLabel, label.data(), label.size(), 0);
        } else {
            const int flags = in_place ? O_WRONLY | O_TRUNC : O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
            const core::UniqueFd fd(::open(temporary.c_str(), flags | O_CLOEXEC, 0600));
            if (!fd) return failed(core::message("cannot write {}", temporary));
            const auto give_up = [&](core::Message what) {
                auto error = failed(std::move(what));
                if (!in_place) ::unlink(temporary.c_str());
                return error;
            };
            std::string_view left = state.content;
            while (!left.empty()) {
                const ssize_t n = ::write(fd.get(), left.data(), left.size());
                if (n < 0 && errno == EINTR) continue;
                if (n <= 0) return give_up(core::message("cannot write {}", temporary));
                left.remove_prefix(static_cast<std::size_t>(n));
            }
            if (::fchown(fd.get(), state.uid, state.gid) != 0 || ::fchmod(fd.get(), state.mode) != 0) {
                return give_up(core::message("cannot set owner and mode of {}", temporary));
            }
            // The SELinux label depends on the path: services that may read resolv.conf must still be allowed to.
            if (!label.empty()) ::fsetxattr(fd.get(), kLabel, label.data(), label.size(), 0);
            if (::fsync(fd.get()) != 0) return give_up(core::message("cannot sync {}", temporary));
        }
        if (!in_place && ::rename(temporary.c_str(), path.c_str()) != 0) {
            auto error = failed(core::message("cannot replace {}", path));
            ::unlink(temporary.c_str());
            return error;
        }
        return sync_folder(folder);
    }

    static core::Result<void> sync_folder(const std::string& folder) {
        const core::UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (fd && ::fsync(fd.get()) != 0 && errno != EINVAL) {
            return core::fail(Code::kFileWrite, core::message("cannot sync {}", folder), {}, errno);
        }
        return {};
    }
};

}  // namespace

void maybe_stop_after_change() {
    static int left = [] {
        const char* text = std::getenv("POSTERN_HOSTDNS_STOP_AFTER");
        return text == nullptr ? 0 : std::atoi(text);
    }();
    if (left > 0 && --left == 0) ::raise(SIGKILL);
}

std::unique_ptr<HostSystem> HostSystem::real() {
    return std::make_unique<RealHost>();
}

}  // namespace postern::agent
