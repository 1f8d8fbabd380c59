// SPDX-License-Identifier: Apache-2.0
// Any bytes as an HTTP reply: bounded, and the same outcome in one piece as in many.
#include <algorithm>
#include <cstdlib>

#include "core/bytes.h"
#include "probe/http_exchange.h"

using namespace postern;

namespace {

struct Outcome {
    probe::HttpReply::Progress progress;
    int status;
    std::string body, problem;
    bool operator==(const Outcome&) const = default;
};

Outcome run(std::string_view stream, std::size_t step) {
    probe::HttpReply reply({2048, 4096, 4});
    auto progress = probe::HttpReply::Progress::kMore;
    for (std::size_t at = 0; at < stream.size() && progress == probe::HttpReply::Progress::kMore; at += step) {
        progress = reply.feed(stream.substr(at, step));
    }
    if (progress == probe::HttpReply::Progress::kMore) progress = reply.eof();
    return {progress, reply.status(), reply.body(), reply.problem()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const std::string_view stream = core::as_text({data + 1, size - 1});
    const Outcome whole = run(stream, std::max<std::size_t>(stream.size(), 1));
    const Outcome pieces = run(stream, 1u + data[0] % 29);
    // A problem quotes what was there when it was found, which depends on the pieces; what it is does not.
    const bool same =
        whole.progress == pieces.progress && (whole.progress != probe::HttpReply::Progress::kDone ||
                                              (whole.status == pieces.status && whole.body == pieces.body));
    const bool bounded = whole.body.size() <= 4096 && whole.problem.size() <= 300;
    const bool explained = (whole.progress == probe::HttpReply::Progress::kDone) == whole.problem.empty();
    if (!same || !bounded || !explained || whole.progress == probe::HttpReply::Progress::kMore) std::abort();
    return 0;
}
