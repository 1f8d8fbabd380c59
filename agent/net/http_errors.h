// SPDX-License-Identifier: Apache-2.0
// Parts of a URL and of a proxy variable, and the error text of a failed transfer. Pure; curl stays in
// http_client.cpp, which passes its result code as a number.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/net/http_client.h"
#include "core/clock.h"
#include "core/error.h"

namespace postern::agent {

struct TransportFailure {
    std::string target;  // "host:port"
    std::string ip;      // "" when none was reached
    std::string proxy;   // proxy_label(), "" for none
    std::string proxy_scheme;
    std::string ca_file;
    std::string text;       // the library's error text
    long proxy_status = 0;  // of the proxy's reply to CONNECT; 0: none
    int sys = 0;
    long verify_result = 0;        // X509_V_*; not 0 as soon as the handshake has begun, until it is done
    long proxy_verify_result = 0;  // the same of a proxy with TLS
    bool connected = false;        // TCP
    bool secure = false;           // an https transfer
    bool in_tls = false;           // an https transfer whose handshake was not done
    bool too_large = false;
    std::size_t max_body = 0;
    core::Micros elapsed_us = 0;
};

/// `curl_code` is a CURLcode.
core::Error explain_transport_failure(int curl_code, const TransportFailure& failure);

/// "http://proxy:3128" with the default port 1080 of curl where none is given; a bare "host:port" is http.
std::optional<UrlParts> split_proxy(std::string_view proxy);
/// "host:port" without user and password; "" for no proxy.
std::string proxy_label(std::string_view proxy);

}  // namespace postern::agent
