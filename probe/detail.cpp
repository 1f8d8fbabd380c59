// SPDX-License-Identifier: Apache-2.0
#include "probe/detail.h"

#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "probe/excerpt.h"

namespace postern::probe {
namespace {

constexpr const char* kDiffers = "expected {}, found {}";  // see message()

/// The message with other words of the peer.
core::Message with_words(const core::Message& m, const std::function<std::string(const std::string&)>& change) {
    if (m.form().empty()) return change(m.text());
    if (m.values().empty()) return m;
    std::vector<core::Message> values;
    values.reserve(m.values().size());
    for (const core::Message& value : m.values())
        values.push_back(with_words(value, change));
    return {m.form(), std::move(values)};
}

std::string with_single_blanks(const std::string& text) {
    std::istringstream words(text);
    std::string out;
    for (std::string word; words >> word;)
        out += (out.empty() ? "" : " ") + word;
    return out;
}

}  // namespace

core::Message differs(core::Message expected, core::Message found) {
    return core::message(kDiffers, std::move(expected), std::move(found));
}

core::Message found_in(const core::Message& detail) {
    return with_words(detail.form() == kDiffers ? detail.values().back() : detail, with_single_blanks);
}

core::Message detail_message(const core::Message& detail) {
    const auto bounded = [](const std::string& text) { return excerpt(text, kDetailBytes); };
    return with_words(detail, bounded).in_english(bounded(detail.text()));
}

}  // namespace postern::probe
