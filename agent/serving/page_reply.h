// SPDX-License-Identifier: Apache-2.0
// The reply to GET /: the packed page around the agent's content, compressed if the client accepts it (the packed
// part at build time), with an ETag.
#pragma once

#include <string>
#include <string_view>

#include "agent/serving/http_server.h"
#include "agent/status/status.h"

namespace postern::agent {

/// `content`: HTML shown until the page's script has started. Answers 304 to a matching If-None-Match.
HttpReply page_reply(const HttpQuery& query, std::string_view content);

/// GET /: the packed page (web/) with the verdict and the addresses as plain HTML, for clients without JavaScript.
HttpReply status_page(const StatusSnapshot& snapshot, const HttpQuery& query);

/// Whether an Accept-Encoding header allows gzip.
bool takes_gzip(std::string_view accept_encoding);

}  // namespace postern::agent
