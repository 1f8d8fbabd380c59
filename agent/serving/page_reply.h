// The reply to GET /: the packed page around what the agent writes, compressed where the client takes it (the packed part
// was at build time), with an ETag.
#pragma once

#include <string>
#include <string_view>

#include "agent/serving/http_server.h"

namespace postern::agent {

/// `content`: HTML that stands in the page until its script has taken over. Answers 304 to a matching If-None-Match.
HttpReply page_reply(const HttpQuery& query, std::string_view content);

/// Does an Accept-Encoding header allow gzip?
bool takes_gzip(std::string_view accept_encoding);

}  // namespace postern::agent
