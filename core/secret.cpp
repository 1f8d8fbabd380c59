// SPDX-License-Identifier: Apache-2.0
#include "core/secret.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "core/printable.h"

namespace postern::core {
namespace {

constexpr std::size_t kMinRedacted = 6;  // a shorter secret may be part of ordinary words

// Value → number of live copies. With a mutex, because pool threads copy the configuration.
struct Registry {
    std::mutex mutex;
    std::map<std::string, int, std::less<>> live;
};

Registry& registry() {
    static auto* r = new Registry;  // never destroyed: statics may hold secrets
    return *r;
}

void wipe(std::string& value) {
    if (!value.empty()) explicit_bzero(value.data(), value.size());
    value.clear();
}

void add(const std::string& value, int change) {
    if (value.size() < kMinRedacted) return;
    Registry& r = registry();
    const std::lock_guard lock(r.mutex);
    const auto it = r.live.emplace(value, 0).first;
    it->second += change;
    if (it->second > 0) return;
    auto node = r.live.extract(it);
    wipe(node.key());
}

using Places = std::vector<std::pair<std::size_t, std::size_t>>;  // begin, end

/// Adds every occurrence of `what` that begins within the first `size` bytes.
void find_all(std::string_view text, std::size_t size, std::string_view what, Places& places) {
    const std::string_view window = text.substr(0, size + what.size() - 1);
    for (std::size_t at = 0; (at = window.find(what, at)) != std::string_view::npos; at += what.size())
        places.emplace_back(at, at + what.size());
}

}  // namespace

Secret::Secret(std::string value) : value_(std::move(value)) {
    add(value_, 1);
}

// A copy, because a moved short string keeps its bytes. NOLINTNEXTLINE(performance-move-constructor-init)
Secret::Secret(Secret&& other) noexcept : value_(other.value_) {
    wipe(other.value_);  // the registry's count stays: this object has taken it over
}

Secret& Secret::operator=(Secret other) noexcept {
    std::swap(value_, other.value_);
    return *this;
}

Secret::~Secret() {
    if (value_.empty()) return;
    add(value_, -1);
    wipe(value_);
}

std::string redact(std::string_view text) {
    return redact(text, text.size());
}

std::string redact(std::string_view text, std::size_t size) {
    size = whole_characters(text, size).size();
    Places places;
    {
        Registry& r = registry();
        const std::lock_guard lock(r.mutex);
        for (const auto& [value, count] : r.live) {
            find_all(text, size, value, places);
            if (const std::string encoded = percent_encode(value); encoded != value)
                find_all(text, size, encoded, places);
        }
    }
    std::sort(places.begin(), places.end());
    std::string out;
    std::size_t done = 0;
    for (const auto& [begin, end] : places) {
        if (begin >= done) {  // else it overlaps the previous one
            out.append(text, done, begin - done);
            out += "***";
        }
        done = std::max(done, end);
    }
    if (done < size) out.append(text, done, size - done);
    return out;
}

std::string percent_encode(std::string_view raw) {
    static constexpr char kHex[] = "0123456789ABCDEF";
    std::string out;
    out.reserve(raw.size());
    for (const char c : raw) {
        const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '_' || c == '.' || c == '~';
        if (plain) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        }
    }
    return out;
}

}  // namespace postern::core
