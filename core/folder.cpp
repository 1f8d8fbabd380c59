// SPDX-License-Identifier: Apache-2.0
#include "core/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "core/file_system.h"

namespace postern::core {
namespace {

constexpr int kMaxDepth = 16;
constexpr int kOpen = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

std::vector<std::string> names_in(int folder) {
    std::vector<std::string> names;
    // A description of its own: the position in the list is not shared.
    const int fd = ::openat(folder, ".", kOpen);
    DIR* dir = fd < 0 ? nullptr : ::fdopendir(fd);
    if (dir == nullptr) {
        if (fd >= 0) ::close(fd);
        return names;
    }
    while (const dirent* entry = ::readdir(dir)) {
        const std::string name = entry->d_name;
        if (name != "." && name != "..") names.push_back(name);
    }
    ::closedir(dir);
    std::sort(names.begin(), names.end());
    return names;
}

/// 0 or an errno.
int remove_in(int folder, const std::string& name, int depth) {
    if (::unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT) return 0;
    if (errno != EISDIR && errno != EPERM) return errno;  // POSIX says EPERM of a folder
    const int error = errno;
    const UniqueFd inner(::openat(folder, name.c_str(), kOpen | O_NOFOLLOW));
    if (!inner) return errno == ENOTDIR ? error : errno;
    if (depth == kMaxDepth) return ELOOP;
    for (const auto& entry : names_in(inner.get())) {
        if (const int failed = remove_in(inner.get(), entry, depth + 1); failed != 0) return failed;
    }
    return ::unlinkat(folder, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : errno;
}

}  // namespace

Result<Folder> Folder::open(const std::string& path) {
    const auto failed = [&](int error) {
        return fail(error == ENOENT ? Code::kFileMissing : Code::kFileUnreadable,
                    message("cannot open the folder {}", path), {}, error);
    };
    UniqueFd fd(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat st {};
    if (!fd || ::fstat(fd.get(), &st) != 0) return failed(errno);
    if (!S_ISLNK(st.st_mode)) {
        fd.reset(::openat(fd.get(), ".", kOpen));
        return fd ? Result<Folder>(Folder(std::move(fd), path)) : failed(errno);
    }
    if (st.st_uid != 0 && st.st_uid != ::geteuid())
        return fail(Code::kPermission,
                    message("{} is a symbolic link that another user made: it is not followed", path));
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlinkat(fd.get(), "", target.data(), target.size() - 1);
    if (size <= 0) return failed(errno);
    const std::string to(target.data(), static_cast<std::size_t>(size));
    fd.reset(::open((to[0] == '/' ? to : folder_of(path) + "/" + to).c_str(), kOpen));
    return fd ? Result<Folder>(Folder(std::move(fd), path)) : failed(errno);
}

std::vector<std::string> Folder::names() const {
    return names_in(fd_.get());
}

Result<void> Folder::remove(const std::string& name) const {
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
        return fail(Code::kUsage, message("not a name in a folder: {}", name));
    const int error = remove_in(fd_.get(), name, 0);
    if (error != 0) return fail(Code::kFileWrite, message("cannot remove {}/{}", path_, name), {}, error);
    return {};
}

}  // namespace postern::core
