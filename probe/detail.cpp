// SPDX-License-Identifier: Apache-2.0
#include "probe/detail.h"

#include <string_view>
#include <vector>

#include "probe/excerpt.h"

namespace postern::probe {
namespace {

constexpr const char* kDiffers = "expected {}, found {}";  // see message()

core::Message safe(const core::Message& m) {
    if (m.form().empty()) return excerpt(m.text(), kDetailBytes);
    if (m.values().empty()) return m;
    std::vector<core::Message> values;
    values.reserve(m.values().size());
    for (const core::Message& value : m.values())
        values.push_back(safe(value));
    return {m.form(), std::move(values)};
}

}  // namespace

core::Message differs(core::Message expected, core::Message found) {
    return core::message(kDiffers, std::move(expected), std::move(found));
}

const core::Message& found_in(const core::Message& detail) {
    return detail.form() == kDiffers ? detail.values().back() : detail;
}

core::Message detail_message(const core::Message& detail) {
    return safe(detail).in_english(excerpt(detail.text(), kDetailBytes));
}

}  // namespace postern::probe
