// SPDX-License-Identifier: Apache-2.0
#include "agent/fleet/key_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/fd.h"
#include "core/file_system.h"
#include "core/text.h"

namespace postern::agent {
namespace {

using core::Code;

constexpr std::size_t kMaxFile = 1024;

core::Message why_not_safe(const struct stat& info) {
    if (!S_ISREG(info.st_mode)) return "is not a regular file";
    if (info.st_uid != 0 && info.st_uid != ::geteuid()) return "belongs to another user";
    if ((info.st_mode & 0007) != 0) return "can be read or written by everyone on this host";
    if ((info.st_mode & 0030) != 0) return "can be written by its group";
    return "";
}

}  // namespace

core::Result<SigningKey> read_key_file(const std::string& path) {
    const core::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd) {
        const int failed = errno;
        const Code code = failed == ENOENT   ? Code::kFileMissing
                          : failed == EACCES ? Code::kPermission
                                             : Code::kFileUnreadable;
        return core::fail(code, core::message("cannot read the key file {}", path),
                          core::message("postern publish keygen {} makes one", path), failed);
    }
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0)
        return core::fail(Code::kFileUnreadable, core::message("cannot read {}", path), "", errno);
    if (const core::Message why = why_not_safe(info); !why.empty())
        return core::fail(Code::kPermission, core::message("{} {}", path, why),
                          "chown root:postern it, and chmod 0640");
    std::string text(kMaxFile + 1, '\0');
    const core::Wiped after(text);
    const ssize_t size = ::read(fd.get(), text.data(), text.size());
    if (size < 0) return core::fail(Code::kFileUnreadable, core::message("cannot read {}", path), "", errno);
    const auto key =
        size > static_cast<ssize_t>(kMaxFile)
            ? std::nullopt
            : SigningKey::parse(core::trimmed(std::string_view(text).substr(0, static_cast<std::size_t>(size))));
    if (!key)
        return core::fail(Code::kConfigBadValue, core::message("{} holds no private key", path),
                          "expected one line as postern publish keygen writes it");
    return *key;
}

core::Result<void> write_key_file(const std::string& path, const SigningKey& key) {
    const core::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) {
        const int failed = errno;
        if (failed == EEXIST)
            return core::fail(Code::kLocked, core::message("{} is there already", path),
                              "a key is never written over: give another name");
        return core::fail(Code::kFileWrite, core::message("cannot create {}", path),
                          "its folder must exist and be writable", failed);
    }
    const core::Secret secret = key.text();
    std::string line = secret.expose() + "\n";
    const core::Wiped after(line);
    const bool whole =
        ::write(fd.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size()) && ::fsync(fd.get()) == 0;
    if (whole) return {};
    const int failed = errno;
    ::unlink(path.c_str());
    return core::fail(Code::kFileWrite, core::message("cannot write {}", path), "", failed);
}

}  // namespace postern::agent
