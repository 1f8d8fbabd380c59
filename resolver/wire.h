// SPDX-License-Identifier: Apache-2.0
// Constants of the DNS wire format (RFC 1035, 6891, 8914).
#pragma once

#include <cstddef>
#include <cstdint>

namespace postern::resolver {

inline constexpr std::size_t kHeaderSize = 12;
inline constexpr std::size_t kMaxName = 255;
inline constexpr std::size_t kMaxQuestion = kMaxName + 4;
inline constexpr std::size_t kMaxMessage = 65535;
inline constexpr std::size_t kMinUdpReply = 512;     // every client accepts so much (RFC 1035 4.2.1)
inline constexpr std::size_t kMaxLocalReply = 4096;  // over UDP to a loopback client
inline constexpr std::size_t kOptSize = 11;          // an OPT record without options

enum Type : std::uint16_t {
    kTypeA = 1,
    kTypeNs = 2,
    kTypeMd = 3,
    kTypeMf = 4,
    kTypeCname = 5,
    kTypeSoa = 6,
    kTypeMb = 7,
    kTypeMg = 8,
    kTypeMr = 9,
    kTypePtr = 12,
    kTypeMinfo = 14,
    kTypeMx = 15,
    kTypeTxt = 16,
    kTypeAaaa = 28,
    kTypeDname = 39,
    kTypeOpt = 41,
    kTypeRrsig = 46,
    kTypeNsec = 47,
    kTypeNsec3 = 50,
    kTypeTkey = 249,
    kTypeTsig = 250,
    kTypeIxfr = 251,
    kTypeAxfr = 252,
    kTypeMailb = 253,
    kTypeMaila = 254,
};

enum Class : std::uint16_t { kClassIn = 1, kClassChaos = 3 };

enum Flag : std::uint16_t {
    kQr = 0x8000,
    kOpcodeMask = 0x7800,
    kAa = 0x0400,
    kTc = 0x0200,
    kRd = 0x0100,
    kRa = 0x0080,
    kAd = 0x0020,
    kCd = 0x0010,
    kRcodeMask = 0x000f,
};

enum Rcode : std::uint16_t {
    kNoError = 0,
    kFormErr = 1,
    kServFail = 2,
    kNxDomain = 3,
    kNotImp = 4,
    kRefused = 5,
    kBadVers = 16,
    kBadCookie = 23,
};

/// Extended errors, RFC 8914.
enum Ede : std::int32_t {
    kEdeNone = -1,
    kEdeOther = 0,
    kEdeStaleAnswer = 3,
    kEdeCachedError = 13,
    kEdeNotReady = 14,
    kEdeProhibited = 18,
    kEdeStaleNxDomain = 19,
    kEdeNoReachableAuthority = 22,
    kEdeNetworkError = 23,
};

inline constexpr std::uint16_t kOptionCookie = 10;
inline constexpr std::uint16_t kOptionKeepalive = 11;  // RFC 7828
inline constexpr std::uint16_t kOptionEde = 15;
/// Our own option (local use range of RFC 6891): asks for the explanation that `postern resolve` prints.
/// From loopback only.
inline constexpr std::uint16_t kOptionExplain = 65001;
inline constexpr std::uint16_t kDnssecOk = 0x8000;  // in the flags of OPT (RFC 3225)

}  // namespace postern::resolver
