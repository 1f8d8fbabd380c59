// SPDX-License-Identifier: Apache-2.0
#include "core/own_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace postern::core {
namespace {

constexpr int kFlags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;  // not blocking: opening a FIFO would wait for its reader

enum class Content { kEmpty, kOurs, kForeign };

Content content_of(int fd, std::uint64_t magic) {
    struct stat info {};
    if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return Content::kForeign;
    if (info.st_size == 0) return Content::kEmpty;
    std::uint64_t found = 0;
    const bool whole = ::pread(fd, &found, sizeof found, 0) == static_cast<ssize_t>(sizeof found);
    return whole && found == magic ? Content::kOurs : Content::kForeign;
}

}  // namespace

Result<UniqueFd> open_own_file(const std::string& path, std::uint64_t magic, mode_t mode) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | kFlags, mode));
    if (!fd) {
        const int error = errno;
        return fail(error == EACCES || error == EPERM || error == EROFS ? Code::kPermission : Code::kFileWrite,
                    message("cannot open {}", path), {}, error);
    }
    if (content_of(fd.get(), magic) == Content::kForeign)
        return fail(Code::kFileWrite, message("{} is not a file of postern's", path),
                    "it is left alone: move it elsewhere");
    (void)::fchmod(fd.get(), mode);  // fails for the file of an earlier run by another user
    return fd;
}

void remove_own_file(const std::string& path, std::uint64_t magic) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | kFlags));
    if (fd && content_of(fd.get(), magic) == Content::kOurs && is_named(fd.get(), path)) (void)::unlink(path.c_str());
}

bool is_named(int fd, const std::string& path) {
    struct stat open {
    }, named{};
    return ::fstat(fd, &open) == 0 && ::stat(path.c_str(), &named) == 0 && open.st_ino == named.st_ino &&
           open.st_dev == named.st_dev;
}

}  // namespace postern::core
