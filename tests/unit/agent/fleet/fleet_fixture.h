// SPDX-License-Identifier: Apache-2.0
// Lists, keys, and a bucket in memory.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/fleet/list_document.h"
#include "tests/unit/agent/store/store_fixture.h"

namespace postern::test {

using namespace agent;

inline const SigningKey& key_a() {
    static const SigningKey key = *SigningKey::make();
    return key;
}
inline const SigningKey& key_b() {
    static const SigningKey key = *SigningKey::make();
    return key;
}

inline constexpr Micros kNow = 1767323045LL * core::kSecond;  // of the FakeClock

inline EndpointReport report_of(const std::string& id, const std::string& ip, Micros confirmed_wall_us = kNow) {
    EndpointReport r{.endpoint_id = id,
                     .status = "Active",
                     .business_status = "Normal",
                     .connection_status = "Connected",
                     .written_wall_us = confirmed_wall_us,
                     .listed = true};
    r.zones.push_back({"cn-hangzhou-h", "Connected", core::IpAddress::parse(ip), {}, "", ""});
    return r;
}

inline FleetList list_of(std::uint64_t generation, const std::string& ip = "10.0.0.1", Micros written = kNow) {
    FleetList list;
    list.fleet = "prod";
    list.number = {generation, written};
    list.publisher = "host-1";
    list.not_after_wall_us = written + core::kDay;
    list.endpoints["ep-a"] = report_of("ep-a", ip, written);
    return list;
}
inline std::string signed_list(const FleetList& list, const SigningKey& key = key_a()) {
    return sign_list(format_list(list), {key});
}

/// OSS and S3 as far as publishers, readers and reports go: conditional requests, writes that must not replace, versions, lists.
struct Bucket {
    std::map<std::string, std::string> objects;  // by URL
    bool versioning = false;                     // then OSS ignores x-oss-forbid-overwrite
    int requests = 0;
    std::vector<std::string> writes;

    core::Result<HttpResponse> operator()(const HttpRequest& r) {
        ++requests;
        const auto found = objects.find(r.url);
        if (r.method == "PUT") {
            const bool only_new = header_of(r, "if-none-match") == "*" ||
                                  (header_of(r, "x-oss-forbid-overwrite") == "true" && !versioning);
            if (only_new && found != objects.end()) return reply(409, "<Code>FileAlreadyExists</Code>");
            objects[r.url] = r.body;
            writes.push_back(r.url);
            if (versioning) return reply(200, "", {{"x-oss-version-id", "v"}});
            return reply(200, "");
        }
        if (r.url.find("?") != std::string::npos) return reply(200, list(r.url.substr(0, r.url.find('?'))));
        if (found == objects.end()) return reply(404, "<Code>NoSuchKey</Code>");
        const std::string etag = etag_of(found->second);
        if (header_of(r, "if-none-match") == etag) return reply(304, "", {{"etag", etag}});
        return reply(200, found->second, {{"etag", etag}});
    }

    static std::string etag_of(const std::string& bytes) {
        return "\"" + std::to_string(std::hash<std::string>{}(bytes)) + "\"";
    }
    /// All of the bucket, whatever prefix was asked for: the reader must sort them out.
    std::string list(const std::string& root) const {
        std::string out = "<ListBucketResult>";
        for (const auto& [url, bytes] : objects)
            out += "<Contents><Key>" + url.substr(root.size()) + "</Key><ETag>" + etag_of(bytes) + "</ETag><Size>" +
                   std::to_string(bytes.size()) + "</Size></Contents>";
        return out + "</ListBucketResult>";
    }
};

inline const std::string kFolder = "https://bucket.oss-cn-hangzhou-internal.aliyuncs.com/prod/";
inline const std::string kCurrent = kFolder + "current.json";

inline FleetConfig fleet_config() {
    FleetConfig out;
    out.list_url = "oss://bucket/prod/current.json";
    out.list_keys = {key_a().public_key().text()};
    out.name = "prod";
    return out;
}

}  // namespace postern::test
