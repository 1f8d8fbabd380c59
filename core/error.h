// SPDX-License-Identifier: Apache-2.0
// Errors as values. A function that can fail returns Result<T>; exceptions of libraries are caught where they are
// thrown (TOML and JSON parsing, main). The resolver's query path returns small enums and never allocates an Error.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "core/message.h"

namespace postern::core {

/// A closed set. The tokens (to_string) appear in logs, metrics labels and JSON; none ever changes its meaning.
enum class Code {
    kInternal,
    kUsage,
    kConfigBadValue,
    kFileMissing,
    kFileUnreadable,
    kFileWrite,
    kFileCorrupt,
    kDiskFull,
    kTooLarge,
    kTimeout,
    kCancelled,
    kPermission,
    kLocked,
    kAddressInUse,
    kSocket,
    kDnsFailed,
    kConnectFailed,
    kTlsFailed,
    kHttpFailed,
    kCredentialsMissing,
    kCredentialsInvalid,
    kCredentialsExpired,
    kApiDenied,
    kApiThrottled,
    kApiClock,
    kApiNotFound,
    kApiUnavailable,
    kApiBadReply,
    kApiRejected,
    kPlanInvalid,
    kRefused,
};

/// The stable token of a code, e.g. "api_denied".
std::string_view to_string(Code code);

/// What happened, what to do about it, and the errno (0: none). `what` and `hint` contain no secret.
struct [[nodiscard]] Error {
    Code code = Code::kInternal;
    Message what;
    Message hint;
    int sys = 0;

    /// "what: strerror", for another language or inside another message.
    Message told() const;
    /// "what: strerror (hint)", for logs and terminals.
    std::string text() const { return whole(); }
    Message whole() const;
};

template <class T>
using Result = tl::expected<T, Error>;

/// Makes the error of a Result: return fail(Code::kTimeout, "no reply", "try again", errno);
inline tl::unexpected<Error> fail(Code code, Message what, Message hint = {}, int sys = 0) {
    return tl::unexpected<Error>(Error{code, std::move(what), std::move(hint), sys});
}

inline tl::unexpected<Error> fail(Error error) {
    return tl::unexpected<Error>(std::move(error));
}

}  // namespace postern::core
