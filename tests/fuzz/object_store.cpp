// SPDX-License-Identifier: Apache-2.0
// Any bytes as the place of an object, as a store's refusal, and in what is signed: a canonical request has as many lines as
// it should, whatever is in it.
#include <algorithm>
#include <cstdlib>

#include "agent/store/oss4_signer.h"
#include "agent/store/sigv4_signer.h"
#include "agent/store/store_reply.h"
#include "core/bytes.h"

using namespace postern;
using namespace postern::agent;

namespace {

long lines(const std::string& text) {
    return std::count(text.begin(), text.end(), '\n');
}

void place(std::string_view text) {
    const auto at = parse_object_place(text);
    if (!at) return;
    const auto again = parse_object_place(at->text());
    if (at->kind != StoreKind::kHttp && (!again || !(*again == *at))) std::abort();
    if (text.size() < 900 && !parse_object_place(beside(*at, "00000000000000000001.json").text())) std::abort();
    // What is signed is the path as it is sent: one line, without a byte that a proxy would change.
    const Oss4Request oss{"GET", at->bucket,        at->key, {{at->key, at->key}}, {{"x-oss-date", "d"}},
                          "r",   "20260102T030405Z"};
    if (lines(oss4_canonical_request(oss)) != 6) std::abort();
    const std::string path = encode_object_path("/" + at->key);
    if (path.find_first_of(" ?#\n") != std::string::npos) std::abort();
    const SigV4Request s3{"GET", path, {{at->key, at->key}}, {{"host", "h"}, {"x-amz-date", "d"}},
                          "p",   "r",  "20260102T030405Z"};
    if (lines(sigv4_canonical_request(s3)) != 7) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(core::as_text({data, size}));
    place(text);
    place("oss://bucket/" + text);
    place("s3://bucket/" + text);
    for (const int status : {301, 403, 404, 409, 500}) {
        const core::Error error = explain_refusal({status, {{"location", text}}, text}, {});
        if (error.what.empty() || error.what.text().find_first_of("\n\r\x1b") != std::string::npos) std::abort();
    }
    return 0;
}
