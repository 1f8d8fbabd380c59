// SPDX-License-Identifier: Apache-2.0
// A sentence of ours as structure: an English form, and what fills it. Its English text is made at once; the agent's
// catalogue has the forms in other languages. A value only; any thread.
#pragma once

#include <concepts>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace postern::core {

class Message {
  public:
    Message() = default;
    /// Words that stay as they are in every language: a name, a number, what a server or the system said.
    Message(std::string verbatim) : text_(std::move(verbatim)) {}
    Message(std::string_view verbatim) : text_(verbatim) {}
    /// A sentence of ours without values, which the catalogue may have; a text that it does not have stays as it is.
    Message(const char* form) : text_(form), form_(form) {}
    Message(std::string form, std::vector<Message> values);

    /// In English.
    const std::string& text() const { return text_; }
    /// "cannot connect to {}"; "": verbatim.
    const std::string& form() const { return form_; }
    const std::vector<Message>& values() const { return values_; }

    /// The same, with another English text: one that is cut to a size.
    Message in_english(std::string text) const;

    // What std::string has, of the English text: for logs, JSON and tests.
    operator const std::string&() const { return text_; }
    operator std::string_view() const { return text_; }
    static constexpr std::size_t npos = std::string::npos;  // NOLINT(readability-identifier-naming): as std::string
    bool empty() const { return text_.empty(); }
    std::size_t size() const { return text_.size(); }
    std::size_t find(std::string_view part) const { return text_.find(part); }
    bool starts_with(std::string_view part) const { return text_.starts_with(part); }
    bool ends_with(std::string_view part) const { return text_.ends_with(part); }
    std::string substr(std::size_t at, std::size_t count = std::string::npos) const { return text_.substr(at, count); }
    void clear() { *this = {}; }
    bool operator==(const Message& other) const = default;
    bool operator==(std::string_view other) const { return text_ == other; }
    bool operator==(const std::string& other) const { return text_ == other; }
    bool operator==(const char* other) const { return text_ == other; }

  private:
    std::string text_, form_;
    std::vector<Message> values_;
};

inline std::string operator+(const Message& a, std::string_view b) {
    return a.text() + std::string(b);
}
inline std::string operator+(std::string_view a, const Message& b) {
    return std::string(a) + b.text();
}
inline std::string operator+(const Message& a, const char* b) {
    return a.text() + b;
}
inline std::string operator+(const char* a, const Message& b) {
    return a + b.text();
}
inline std::string operator+(const Message& a, const std::string& b) {
    return a.text() + b;
}
inline std::string operator+(const std::string& a, const Message& b) {
    return a + b.text();
}
inline std::string operator+(const Message& a, const Message& b) {
    return a.text() + b.text();
}
inline std::ostream& operator<<(std::ostream& out, const Message& m) {
    return out << m.text();
}

/// message("cannot connect to {}: {}", where, std::strerror(sys)): each {} is filled with the next value. A value that has
/// words of ours is a Message itself. The form is a literal, so that a test finds it (tests/words_test.py).
template <class... Values>
Message message(const char* form, Values&&... values) {
    std::vector<Message> list;
    list.reserve(sizeof...(values));
    const auto add = [&list]<class T>(T&& value) {
        if constexpr (std::integral<std::remove_cvref_t<T>>)
            list.emplace_back(std::to_string(value));
        else
            list.emplace_back(std::forward<T>(value));
    };
    (add(std::forward<Values>(values)), ...);
    return {std::string(form), std::move(list)};
}

/// "a", "a, b": `item` at the end of a list.
void add_item(Message& list, Message item);
/// The same of sentences: "a", "a; b".
void add_sentence(Message& list, Message item);

/// `form` filled: {} with the next value, {1} with the second. Braces of another content stay.
std::string filled(std::string_view form, const std::vector<std::string>& values);

}  // namespace postern::core

template <>
struct fmt::formatter<postern::core::Message> : fmt::formatter<std::string_view> {
    template <class Context>
    auto format(const postern::core::Message& m, Context& context) const {
        return fmt::formatter<std::string_view>::format(m.text(), context);
    }
};
