// Errors as values. Every fallible function outside the query path returns Result<T>; exceptions are caught where
// they arise (TOML and JSON parsing, main). The query path builds no Error: it uses small enums.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace postern::core {

/// A closed set: the token (to_string) appears in logs, metrics labels and JSON and never changes its meaning.
enum class Code {
    kInternal,
    kUsage,
    kConfigSyntax,
    kConfigBadKey,
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
};

/// The stable token of a code, e.g. "api_denied".
std::string_view to_string(Code code);

/// What happened, what to do next, and the errno behind it (0: none). `what` and `hint` hold no secret.
struct [[nodiscard]] Error {
    Code code = Code::kInternal;
    std::string what;
    std::string hint;
    int sys = 0;

    /// "what: strerror (hint)" - for logs and terminals.
    std::string text() const;
};

template <class T>
using Result = tl::expected<T, Error>;

/// fail(Code, what, hint, sys): the error side of a Result.
inline tl::unexpected<Error> fail(Code code, std::string what, std::string hint = {}, int sys = 0) {
    return tl::unexpected<Error>(Error{code, std::move(what), std::move(hint), sys});
}

inline tl::unexpected<Error> fail(Error error) {
    return tl::unexpected<Error>(std::move(error));
}

}  // namespace postern::core
