// SPDX-License-Identifier: Apache-2.0
#include "agent/text/object_place.h"

#include <algorithm>

#include "agent/text/values.h"
#include "core/ip_address.h"
#include "core/text.h"

namespace postern::agent {
namespace {

using core::Code;

constexpr std::size_t kMaxText = 4096, kMaxKey = 1023;

core::Result<ObjectPlace> refused(std::string_view text, core::Message why) {
    return core::fail(Code::kConfigBadValue, core::message("{} {}", shown(text), std::move(why)),
                      "expected oss://BUCKET/KEY, s3://BUCKET/KEY or https://HOST/PATH");
}

bool is_bucket(std::string_view name, bool dots) {
    const auto good = [dots](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || (dots && c == '.');
    };
    return name.size() >= 3 && name.size() <= 63 && std::all_of(name.begin(), name.end(), good) &&
           name.front() != '-' && name.front() != '.' && name.back() != '-' && name.back() != '.' &&
           name.find("..") == std::string_view::npos;
}

/// What a path may not have: it would name another object once something on the way tidies it up.
core::Message why_no_path(std::string_view path) {
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::any_of(path.begin(), path.end(), control)) return "has control characters";
    for (std::size_t begin = 0; begin <= path.size();) {
        const auto end = std::min(path.find('/', begin), path.size());
        const auto part = path.substr(begin, end - begin);
        if (part.empty())
            return end == path.size() ? "ends with \"/\": the name of an object is missing" : "has \"//\"";
        if (part == "." || part == "..") return "has \".\" or \"..\" as a part of its path";
        begin = end + 1;
    }
    return "";
}

/// localhost, or a loopback address, with or without a port.
bool is_loopback(std::string_view authority) {
    if (const auto address = core::SocketAddress::parse(authority, 80)) return address->ip.is_loopback();
    return core::lowered(authority.substr(0, authority.find(':'))) == "localhost";
}

std::string_view without_query(std::string_view url) {
    return url.substr(0, url.find_first_of("?#"));
}

}  // namespace

std::string ObjectPlace::text() const {
    switch (kind) {
        case StoreKind::kOss:
            return "oss://" + bucket + "/" + key;
        case StoreKind::kS3:
            return "s3://" + bucket + "/" + key;
        case StoreKind::kFile:
            return "file:" + key;
        case StoreKind::kHttp:
            break;
    }
    return std::string(without_query(url));
}

core::Result<ObjectPlace> parse_object_place(std::string_view text) {
    if (text.size() > kMaxText) return refused(text.substr(0, 80), "is longer than 4096 bytes");
    ObjectPlace out;
    if (text.starts_with("file:")) {
        out.kind = StoreKind::kFile;
        out.key = text.substr(text.starts_with("file:///") ? 7 : 5);
        if (core::Message why = check_absolute_path(out.key); !why.empty())
            return core::fail(Code::kConfigBadValue, core::message("{} {}", shown(text), std::move(why)),
                              "expected file:/PATH/current.json");
        if (core::Message why = why_no_path(std::string_view(out.key).substr(1)); !why.empty())
            return core::fail(Code::kConfigBadValue, core::message("{} {}", shown(text), std::move(why)),
                              "expected file:/PATH/current.json");
        return out;
    }
    const bool oss = text.starts_with("oss://"), s3 = text.starts_with("s3://");
    if (oss || s3) {
        out.kind = oss ? StoreKind::kOss : StoreKind::kS3;
        const std::string_view rest = text.substr(oss ? 6 : 5);
        const auto slash = rest.find('/');
        if (slash == std::string_view::npos) return refused(text, "names no object in the bucket");
        out.bucket = rest.substr(0, slash);
        out.key = rest.substr(slash + 1);
        if (!is_bucket(out.bucket, s3)) return refused(text, "has a bucket that is none: 3 to 63 of a-z 0-9 -");
        if (out.key.size() > kMaxKey) return refused(text.substr(0, 80), "has a key longer than 1023 bytes");
        if (core::Message why = why_no_path(out.key); !why.empty()) return refused(text, std::move(why));
        return out;
    }
    const auto host = text.find("://");
    const bool http = host == 4 && core::lowered(text.substr(0, 4)) == "http";
    if (!http && core::lowered(text.substr(0, 8)) != "https://") return refused(text, "is no place of an object");
    const std::string_view base = text.substr(0, text.find_first_of("/?#", host + 3));
    if (core::Message why = check_base_url(core::lowered(base), !http); !why.empty())
        return refused(text, std::move(why));
    if (http && !is_loopback(base.substr(host + 3)))
        return refused(text, "goes over the network in the clear: https is needed");
    if (text.find('#') != std::string_view::npos) return refused(text, "has a fragment, which is not sent to servers");
    const auto whole = without_query(text);
    const auto path = whole.find('/', whole.find("://") + 3);
    if (path == std::string_view::npos) return refused(text, "names no object on that host");
    if (core::Message why = why_no_path(whole.substr(path + 1)); !why.empty()) return refused(text, std::move(why));
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (!plain) return refused(text, "has blanks or non-ASCII characters: percent-encode them");
    out.url = text;
    return out;
}

core::Result<ObjectPlace> parse_folder_place(std::string_view text) {
    if (text.find_first_of("?#") != std::string_view::npos)
        return core::fail(Code::kConfigBadValue,
                          core::message("{} has a query: a presigned URL is one object's, not a folder's", shown(text)),
                          "expected oss://BUCKET/PREFIX/, s3://BUCKET/PREFIX/ or https://HOST/PATH/");
    // What is a folder has objects: one of them is what the rules are about.
    const bool slash = text.ends_with('/');
    auto object = parse_object_place(std::string(text) + (slash ? "" : "/") + "x");
    if (!object) return core::fail(std::move(object.error()));
    return beside(*object, "");
}

ObjectPlace beside(const ObjectPlace& place, std::string_view name) {
    ObjectPlace out = place;
    std::string& path = place.kind == StoreKind::kHttp ? out.url : out.key;
    if (place.kind == StoreKind::kHttp) path = without_query(path);
    path = path.substr(0, path.rfind('/') + 1) + std::string(name);
    return out;
}

std::string name_of(const ObjectPlace& place) {
    const std::string path(place.kind == StoreKind::kHttp ? without_query(place.url) : place.key);
    return path.substr(path.rfind('/') + 1);
}

}  // namespace postern::agent
