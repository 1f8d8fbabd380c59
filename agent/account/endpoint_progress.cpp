// SPDX-License-Identifier: Apache-2.0
#include "agent/account/endpoint_progress.h"

#include "agent/text/values.h"

namespace postern::agent {
namespace {

std::string link_name(const std::string& name) {
    std::string out;
    for (const char c : name) {
        if (check_link_name(out + c).empty()) out += c;
    }
    return out.empty() ? "tdengine" : out;
}

bool is_hopeless(const EndpointReport& r) {
    return r.status == "Deleting" || r.business_status == "FinancialLocked" ||
           r.connection_status == "ServiceDeleted" || r.connection_status == "Deleting";
}

}  // namespace

EndpointProgress progress_of(const EndpointReport& r) {
    using Outcome = EndpointProgress::Outcome;
    EndpointProgress out;
    out.stage = r.status;
    if (r.status == "Active")
        out.stage =
            core::message("{}, connection {}", r.status,
                          r.connection_status.empty() ? core::Message("unknown") : core::Message(r.connection_status));
    out.next = why_not_ready(r, {});
    if (out.next.empty()) {
        out.outcome = Outcome::kConnected;
        out.stage = std::string("Connected");
    } else if (is_hopeless(r)) {
        out.outcome = Outcome::kFailed;
    }
    return out;
}

core::Message private_name_step() {
    return "host is the 私有 DNS 名称 of this connection in TDengine's console (实例 > 私有连接): no public "
           "API of TDengine Cloud gives it";
}

std::string link_block(const std::string& name, const std::string& endpoint_id) {
    return "[[link]]\n"
           "name = \"" +
           link_name(name) +
           "\"\n"
           "host = \"\"                    # fill in: 私有 DNS 名称, TDengine's console: 实例 > 私有连接\n"
           "endpoint = \"" +
           endpoint_id +
           "\"\n"
           "token_file = \"/etc/postern/tdengine.token\"\n";
}

}  // namespace postern::agent
