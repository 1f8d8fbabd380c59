// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"

#include <cstring>

namespace postern::core {

std::string_view to_string(Code code) {
    switch (code) {
        case Code::kInternal:
            return "internal";
        case Code::kUsage:
            return "usage";
        case Code::kConfigBadValue:
            return "config_bad_value";
        case Code::kFileMissing:
            return "file_missing";
        case Code::kFileUnreadable:
            return "file_unreadable";
        case Code::kFileWrite:
            return "file_write";
        case Code::kFileCorrupt:
            return "file_corrupt";
        case Code::kDiskFull:
            return "disk_full";
        case Code::kTooLarge:
            return "too_large";
        case Code::kTimeout:
            return "timeout";
        case Code::kCancelled:
            return "cancelled";
        case Code::kPermission:
            return "permission";
        case Code::kLocked:
            return "locked";
        case Code::kAddressInUse:
            return "address_in_use";
        case Code::kSocket:
            return "socket";
        case Code::kDnsFailed:
            return "dns_failed";
        case Code::kConnectFailed:
            return "connect_failed";
        case Code::kTlsFailed:
            return "tls_failed";
        case Code::kHttpFailed:
            return "http_failed";
        case Code::kCredentialsMissing:
            return "credentials_missing";
        case Code::kCredentialsInvalid:
            return "credentials_invalid";
        case Code::kCredentialsExpired:
            return "credentials_expired";
        case Code::kApiDenied:
            return "api_denied";
        case Code::kApiThrottled:
            return "api_throttled";
        case Code::kApiClock:
            return "api_clock";
        case Code::kApiNotFound:
            return "api_not_found";
        case Code::kApiUnavailable:
            return "api_unavailable";
        case Code::kApiBadReply:
            return "api_bad_reply";
        case Code::kApiRejected:
            return "api_rejected";
        case Code::kPlanInvalid:
            return "plan_invalid";
        case Code::kRefused:
            return "refused";
    }
    return "internal";
}

Message Error::told() const {
    return sys == 0 ? what : message("{}: {}", what, std::strerror(sys));
}

Message Error::whole() const {
    return hint.empty() ? told() : message("{} ({})", told(), hint);
}

}  // namespace postern::core
