// SPDX-License-Identifier: Apache-2.0
// The replies to GET / and to GET of the page's script: the packed page around the agent's content, and the packed
// script, compressed if the client accepts it, each with an ETag.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "agent/serving/http_server.h"
#include "agent/serving/page_detail.h"
#include "agent/status/status.h"
#include "probe/record.h"

namespace postern::agent {

/// `head`: the title and the icon; `content`: HTML shown until the page's script has started. Answers 304 to a matching
/// If-None-Match.
HttpReply page_reply(const HttpQuery& query, std::string_view head, std::string_view content);

/// The same without the script.
HttpReply plain_reply(const HttpQuery& query, std::string_view head, std::string_view content);

/// The script. Its path has its hash in it, so that a client may keep it for good.
HttpReply script_reply(const HttpQuery& query);
HttpRoute script_route();

/// GET /: the packed page (web/) with the verdict and the addresses as plain HTML, for clients without JavaScript.
/// `records`: the last probes, newest first.
HttpReply status_page(const StatusSnapshot& snapshot, const HttpQuery& query, std::span<const probe::Record> records);
/// GET /plain[?link=&ip=&range=]: all of it as plain HTML, without the script, with the details of one address.
HttpReply whole_page(const StatusSnapshot& snapshot, const HttpQuery& query, std::span<const probe::Record> records,
                     const PageHistory& history);

/// Whether an Accept-Encoding header allows gzip.
bool takes_gzip(std::string_view accept_encoding);

}  // namespace postern::agent
