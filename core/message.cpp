// SPDX-License-Identifier: Apache-2.0
#include "core/message.h"

#include <charconv>

namespace postern::core {

std::string filled(std::string_view form, const std::vector<std::string>& values) {
    std::string out;
    std::size_t next = 0;
    while (!form.empty()) {
        const auto open = form.find('{');
        const auto close = open == std::string_view::npos ? open : form.find('}', open);
        if (close == std::string_view::npos) break;
        const std::string_view word = form.substr(open + 1, close - open - 1);
        std::size_t index = next;
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), index);
        out += form.substr(0, open);
        if (word.empty() || (error == std::errc{} && end == word.data() + word.size())) {
            if (word.empty()) ++next;
            if (index < values.size()) out += values[index];
        } else {
            // Not a place: the brace may open one further on.
            out += form[open];
            form.remove_prefix(open + 1);
            continue;
        }
        form.remove_prefix(close + 1);
    }
    return out += form;
}

Message::Message(std::string form, std::vector<Message> values) : form_(std::move(form)), values_(std::move(values)) {
    std::vector<std::string> texts;
    texts.reserve(values_.size());
    for (const Message& value : values_)
        texts.push_back(value.text());
    text_ = filled(form_, texts);
}

void add_item(Message& list, Message item) {
    list = list.empty() ? std::move(item) : message("{}, {}", std::move(list), std::move(item));
}

void add_sentence(Message& list, Message item) {
    list = list.empty() ? std::move(item) : message("{}; {}", std::move(list), std::move(item));
}

Message Message::in_english(std::string text) const {
    Message out = *this;
    out.text_ = std::move(text);
    return out;
}

}  // namespace postern::core
