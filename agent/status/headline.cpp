// SPDX-License-Identifier: Apache-2.0
#include "agent/status/headline.h"

#include <algorithm>

#include "agent/faults/fault_text.h"

namespace postern::agent {

namespace {

std::string counted(const doctor::Catalogue& words, const char* one, const char* many, std::size_t count) {
    return words.text("status", count == 1 ? one : many, {{"count", std::to_string(count)}});
}

std::string part(const doctor::Catalogue& words, const char* key, std::size_t count) {
    return count == 0 ? "" : words.text("status", key, {{"count", std::to_string(count)}});
}

std::string good(const StatusSnapshot& s, const doctor::Catalogue& words) {
    if (s.links.empty()) return words.text("status", "no_links");
    std::size_t addresses = 0, up = 0, unprobed = 0;
    for (const auto& link : s.links) {
        for (const auto& a : link.addresses) {
            ++addresses;
            if (!link.probing) ++unprobed;
            if (judged_state(link, a) == probe::State::kUp) ++up;
        }
    }
    const auto verified = static_cast<std::size_t>(
        std::count_if(s.links.begin(), s.links.end(), [](const LinkStatus& link) { return link.verify_only; }));
    return words.text("status", "good",
                      {{"links", counted(words, "links_one", "links", s.links.size())},
                       {"up", std::to_string(up)},
                       {"probed", counted(words, "up_one", "up", addresses - unprobed)},
                       {"unprobed", part(words, "unprobed", unprobed)},
                       {"verified", part(words, "verified", verified)}});
}

}  // namespace

std::string told_with_link(const Fault& fault, const doctor::Catalogue& words) {
    const std::string cause = told(fault, words);
    if (fault.link.empty()) return cause;
    return words.text("words", "of_link", {{"link", fault.link}, {"cause", cause}});
}

std::string headline(const StatusSnapshot& s, const doctor::Catalogue& words) {
    if (!s.headline_fault) return good(s, words);
    std::string out = told_with_link(*s.headline_fault, words);
    if (s.headline_more > 0) out += words.text("status", "more", {{"more", std::to_string(s.headline_more)}});
    return out;
}

}  // namespace postern::agent
