// SPDX-License-Identifier: Apache-2.0
// What a reply of a cluster's API server means. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/k8s/cluster.h"
#include "core/error.h"

namespace postern::agent::k8s {

struct KubeReply {
    enum class Means {
        kDone,
        kAbsent,        // the object
        kConflict,      // another version is there, or the object is there already
        kExpired,       // 410: a list has to begin anew
        kUnauthorised,  // 401
        kWait,          // 429, or 503 with a time
        kRefused,       // anything else: `error`
    };
    Means means = Means::kRefused;
    JsonView object;           // kDone
    core::Error error;         // of every kind but kDone
    core::Micros wait_us = 0;  // kWait; at most kLongestWait
};

inline constexpr core::Micros kLongestWait = core::kMinute;

/// `what`: "change endpointslice db-ipv4", for messages; `retry_after`: the header's value, "" for none.
KubeReply read_reply(int status, std::string_view body, const std::string& retry_after, const core::Message& what);

}  // namespace postern::agent::k8s
