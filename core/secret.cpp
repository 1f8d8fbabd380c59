#include "core/secret.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace postern::core {
namespace {

constexpr std::size_t kShortestRedacted = 6;  // shorter ones would blot out ordinary words

// value → number of live copies. A mutex, because pool threads copy configuration.
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
    if (value.size() < kShortestRedacted) return;
    Registry& r = registry();
    const std::lock_guard lock(r.mutex);
    const auto it = r.live.emplace(value, 0).first;
    it->second += change;
    if (it->second > 0) return;
    auto node = r.live.extract(it);
    wipe(node.key());
}

void replace_all(std::string& text, const std::string& what) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += 3) text.replace(at, what.size(), "***");
}

}  // namespace

Secret::Secret(std::string value) : value_(std::move(value)) { add(value_, 1); }

Secret::Secret(Secret&& other) noexcept : value_(other.value_) {
    wipe(other.value_);  // ours now, in the registry too
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
    std::string out(text);
    Registry& r = registry();
    const std::lock_guard lock(r.mutex);
    // Longest first: one secret may contain another.
    std::vector<const std::string*> secrets;
    for (const auto& [value, count] : r.live) secrets.push_back(&value);
    std::sort(secrets.begin(), secrets.end(), [](auto* a, auto* b) { return a->size() > b->size(); });
    for (const auto* value : secrets) {
        replace_all(out, *value);
        const std::string encoded = percent_encode(*value);
        if (encoded != *value) replace_all(out, encoded);
    }
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
