// SPDX-License-Identifier: Apache-2.0
// Any bytes as the body (and the Location) of a reply, and as the answer of a WebSocket: judged without a crash, explained in bounded UTF-8.
#include <cstdlib>

#include "core/bytes.h"
#include "probe/detail.h"
#include "probe/excerpt.h"
#include "probe/reply_judge.h"

using namespace postern;

namespace {

void expect(bool good) {
    if (!good) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    static constexpr int kStatuses[] = {200, 400, 401, 403, 404, 429, 500, 502, 503, 302, 307, 204};
    const std::string_view body = core::as_text({data + 2, size - 2});
    probe::ProbeSpec spec;
    spec.host = "db.example.com";
    spec.kind = data[0] % 3 == 0 ? probe::Kind::kHttps : probe::Kind::kTdengine;
    if (data[0] % 5 == 0) spec.token = core::Secret("0123456789");
    spec.body_json = {{"/code", "0"}, {"/data/0/0", "1"}};
    const probe::ReplyView reply{kStatuses[data[1] % std::size(kStatuses)], data[0] % 2 == 0 ? "application/json" : "",
                                 body, body};
    const probe::ReplyJudgement judged = probe::judge_reply(spec, reply);
    expect((judged.reason == probe::Reason::kNone) == (judged.phase == probe::Phase::kCount));
    expect((judged.reason == probe::Reason::kNone) == judged.detail.empty());
    const probe::ReplyJudgement version = probe::judge_version_answer(body);
    expect((version.reason == probe::Reason::kNone) == (version.phase == probe::Phase::kCount));
    expect((version.reason == probe::Reason::kNone) == version.detail.empty());
    const std::string detail = probe::detail_message(judged.detail);
    expect(detail.size() <= probe::kDetailBytes && detail.find('\n') == std::string::npos);
    if (const auto target = probe::same_host_target(spec, body)) {
        expect(!target->empty() && target->front() == '/' && target->find_first_of(" \r\n\t") == std::string::npos);
    }
    expect(probe::excerpt(body, data[0]).size() <= data[0]);
    return 0;
}
