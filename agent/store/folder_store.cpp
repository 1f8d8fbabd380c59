// SPDX-License-Identifier: Apache-2.0
#include "agent/store/folder_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "agent/crypto/digest.h"
#include "core/bytes.h"
#include "core/file_system.h"
#include "core/temporary_name.h"

namespace postern::agent {

using core::Code;

core::Result<StoredObject> read_from_folder(const ObjectPlace& place, std::string_view etag, std::size_t max_bytes) {
    auto text = core::read_file(place.key, max_bytes);
    if (!text) {
        core::Error error = text.error();
        if (error.code == Code::kFileMissing) error.code = Code::kApiNotFound;
        return core::fail(std::move(error));
    }
    StoredObject out;
    out.etag = sha256_hex(*text);
    out.unchanged = out.etag == etag;
    if (!out.unchanged) out.bytes = std::move(*text);
    return out;
}

core::Result<StoredNames> list_folder(const ObjectPlace& folder, std::size_t most) {
    struct Close {
        void operator()(DIR* d) const { ::closedir(d); }
    };
    const std::unique_ptr<DIR, Close> open(::opendir(folder.key.c_str()));
    if (!open) {
        return core::fail(errno == ENOENT ? Code::kApiNotFound : Code::kFileUnreadable,
                          core::message("cannot read the folder {}", folder.key),
                          "check that it is there, and its rights", errno);
    }
    StoredNames out;
    while (const dirent* entry = ::readdir(open.get())) {  // NOLINT(concurrency-mt-unsafe): a DIR of our own
        const std::string name = entry->d_name;
        struct stat found {};
        if (name.find(".tmp-") != std::string::npos ||
            ::fstatat(::dirfd(open.get()), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(found.st_mode))
            continue;
        if (out.objects.size() == most) {
            out.more = true;
            break;
        }
        out.objects.push_back({name, "", static_cast<std::uint64_t>(found.st_size)});
    }
    return out;
}

core::Result<StoredAs> write_to_folder(const ObjectPlace& place, std::string_view bytes, bool only_new) {
    if (!only_new) {
        if (auto written = core::write_file(place.key, core::as_bytes(bytes), 0644, true); !written)
            return core::fail(written.error());
        return StoredAs{};
    }
    // link(2) is what never replaces a file, and a whole one is there at once.
    const std::string temporary = core::temporary_beside(place.key);
    if (auto written = core::write_file(temporary, core::as_bytes(bytes), 0644, true); !written)
        return core::fail(written.error());
    const int failed = ::link(temporary.c_str(), place.key.c_str()) == 0 ? 0 : errno;
    ::unlink(temporary.c_str());
    if (failed == EEXIST) return StoredAs{.exists = true};
    if (failed != 0)
        return core::fail(Code::kFileWrite, core::message("cannot create {}", place.key),
                          "the folder must be writable and take links", failed);
    return StoredAs{};
}

}  // namespace postern::agent
