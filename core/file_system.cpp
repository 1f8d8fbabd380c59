// SPDX-License-Identifier: Apache-2.0
#include "core/file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "core/temporary_name.h"
#include "core/wipe.h"

namespace postern::core {
namespace {

/// A file gets the group of its folder, so that the resolver can read a plan that root compiled. Without the right to
/// change the group it keeps the group of the process.
void give_to_group_of_folder(int fd, const std::string& folder) {
    struct stat file {
    }, where{};
    if (::fstat(fd, &file) != 0 || ::stat(folder.c_str(), &where) != 0 || file.st_gid == where.st_gid) return;
    if (::fchown(fd, static_cast<uid_t>(-1), where.st_gid) != 0) return;
}

Code write_code(int error) {
    if (error == ENOSPC || error == EDQUOT) return Code::kDiskFull;
    if (error == EACCES || error == EPERM || error == EROFS) return Code::kPermission;
    return Code::kFileWrite;
}

int write_all(int fd, ByteView data) {
    while (!data.empty()) {
        const ssize_t n = ::write(fd, data.data(), data.size());
        if (n < 0) {
            if (errno == EINTR) continue;
            return errno;
        }
        data = data.subspan(static_cast<std::size_t>(n));
    }
    return 0;
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) {
        const int error = errno;
        return fail(error == ENOENT   ? Code::kFileMissing
                    : error == EACCES ? Code::kPermission
                                      : Code::kFileUnreadable,
                    message("cannot open {}", path), {}, error);
    }
    std::string data;
    while (true) {
        char buffer[16384];
        const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
        if (n < 0) {
            if (errno == EINTR) continue;
            return fail(Code::kFileUnreadable, message("cannot read {}", path), {}, errno);
        }
        if (n == 0) return data;
        if (data.size() + static_cast<std::size_t>(n) > max_bytes) {
            return fail(Code::kTooLarge, message("{} is larger than {} bytes", path, max_bytes));
        }
        data.append(buffer, static_cast<std::size_t>(n));
        wipe_bytes(buffer, static_cast<std::size_t>(n));  // it may be a file of a secret
    }
}

Result<void> write_file(const std::string& path, ByteView data, mode_t mode, bool durable) {
    const std::string temporary = temporary_beside(path);
    const auto give_up = [&](int error) {
        ::unlink(temporary.c_str());
        return fail(write_code(error), message("cannot write {}", path), "the previous file is kept", error);
    };
    // Never write to what is there already: it may be a FIFO or another user's file.
    ::unlink(temporary.c_str());
    UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
    if (!fd) return fail(write_code(errno), message("cannot write {}", path), {}, errno);
    if (::fchmod(fd.get(), mode) != 0) return give_up(errno);  // regardless of the umask
    if ((mode >> 3 & 7) != (mode & 7)) give_to_group_of_folder(fd.get(), folder_of(path));
    if (const int error = write_all(fd.get(), data); error != 0) return give_up(error);
    if (durable && ::fsync(fd.get()) != 0) return give_up(errno);
    if (::close(fd.release()) != 0) return give_up(errno);
    if (::rename(temporary.c_str(), path.c_str()) != 0) return give_up(errno);
    if (durable) {
        const UniqueFd folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (folder) ::fsync(folder.get());
    }
    return {};
}

Result<void> make_folders(const std::string& path, mode_t mode) {
    for (std::size_t at = 1; at <= path.size(); ++at) {
        if (at != path.size() && path[at] != '/') continue;
        const std::string part = path.substr(0, at);
        if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) {
            return fail(write_code(errno), message("cannot create folder {}", part), {}, errno);
        }
    }
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
        return fail(Code::kFileWrite, message("{} is not a folder", path), "remove it or configure another one");
    }
    return {};
}

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

Result<LockFile> LockFile::acquire(const std::string& path) {
    LockFile lock;
    lock.fd_.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
    if (!lock.fd_) return fail(write_code(errno), message("cannot open the lock {}", path), {}, errno);
    (void)::fchmod(lock.fd_.get(), 0640);  // regardless of the umask: the other program opens it to find the holder
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (::fcntl(lock.fd_.get(), F_SETLK, &whole) != 0) {
        const int error = errno;
        if (error != EACCES && error != EAGAIN)
            return fail(Code::kFileWrite, message("cannot lock {}", path), {}, error);
        return fail(Code::kLocked, message("{} is held by process {}", path, holder(path)),
                    "stop the other process, or give this one its own runtime_dir");
    }
    return lock;
}

pid_t LockFile::holder(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) return 0;
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (::fcntl(fd.get(), F_GETLK, &whole) != 0 || whole.l_type == F_UNLCK) return 0;
    return whole.l_pid;
}

std::string boot_id() {
    std::string id = read_file("/proc/sys/kernel/random/boot_id", 64).value_or("");
    std::erase_if(id, [](char c) { return !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')); });
    id.resize(32, '0');
    return id;
}

}  // namespace postern::core
