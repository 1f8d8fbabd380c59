// SPDX-License-Identifier: Apache-2.0
// Any bytes as a list, and as its body under a right signature: what is taken is written and read the same again.
#include <cstdlib>

#include "agent/fleet/list_document.h"
#include "core/bytes.h"

using namespace postern;
using namespace postern::agent;

namespace {

const SigningKey& key() {
    static const SigningKey known =
        *SigningKey::parse("ed25519-private:nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=");  // RFC 8032
    return known;
}

void judge(std::string_view text) {
    const auto list = open_list(text, {key().public_key()}, "prod");
    if (!list) return;
    const auto again = open_list(sign_list(format_list(*list), {key()}), {key().public_key()}, "prod");
    if (!again || again->endpoints != list->endpoints || again->number != list->number) std::abort();
    if (!same_addresses(*list, *again)) std::abort();
    (void)why_not_now(*list, {}, list->number.written_wall_us);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = core::as_text({data, size});
    judge(text);
    judge(sign_list(text, {key()}));
    return 0;
}
