// SPDX-License-Identifier: Apache-2.0
#include "core/secret.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "core/printable.h"
#include "core/wipe.h"

namespace postern::core {
namespace {

constexpr std::size_t kMinRedacted = 6;  // a shorter secret may be part of ordinary words

using Places = std::vector<std::pair<std::size_t, std::size_t>>;  // begin, end

/// Adds every occurrence of `what` that begins within the first `size` bytes.
void find_all(std::string_view text, std::size_t size, std::string_view what, Places& places) {
    const std::string_view window = text.substr(0, size + what.size() - 1);
    for (std::size_t at = 0; (at = window.find(what, at)) != std::string_view::npos; at += what.size())
        places.emplace_back(at, at + what.size());
}

}  // namespace

/// The text of all handles, and where all such texts are. With a mutex, because pool threads copy the configuration.
struct Secret::Kept {
    struct Entry {
        const Kept* kept;
        std::weak_ptr<const Kept> handle;
    };
    struct Registry {
        std::mutex mutex;
        std::map<std::string_view, Entry> live;  // by the text in Kept itself
    };
    static Registry& registry() {
        static auto* r = new Registry;  // never destroyed: statics may hold secrets
        return *r;
    }

    explicit Kept(std::string_view text) : value(text), encoded(percent_encode(text)) {
        if (encoded == value) wipe(encoded);
    }
    ~Kept();
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;

    std::string value;
    std::string encoded;  // "" if it is the same
};

Secret::Kept::~Kept() {
    Registry& r = registry();
    const std::lock_guard lock(r.mutex);
    // Unless one with the same text has taken the place since the last handle's end.
    if (const auto it = r.live.find(value); it != r.live.end() && it->second.kept == this) r.live.erase(it);
    wipe(value);
    wipe(encoded);
}

Secret::Secret(std::string value) {
    const Wiped after(value);
    if (value.empty()) return;
    Kept::Registry& r = Kept::registry();
    const std::lock_guard lock(r.mutex);
    if (const auto it = r.live.find(value); it != r.live.end()) {
        kept_ = it->second.handle.lock();
        if (kept_) return;
        r.live.erase(it);  // its last handle has just ended
    }
    kept_ = std::make_shared<const Kept>(value);
    r.live.emplace(kept_->value, Kept::Entry{kept_.get(), kept_});
}

const std::string& Secret::expose() const {
    static const std::string kNone;
    return kept_ ? kept_->value : kNone;
}

const std::string& Secret::expose_encoded() const {
    return !kept_ || kept_->encoded.empty() ? expose() : kept_->encoded;
}

void wipe(std::string& text) {
    text.resize(text.capacity());  // a longer text may have been there
    wipe_bytes(text.data(), text.size());
    text.clear();
}

std::string redact(std::string_view text) {
    return redact(text, text.size());
}

std::string redact(std::string_view text, std::size_t size) {
    size = whole_characters(text, size).size();
    Places places;
    {
        Secret::Kept::Registry& r = Secret::Kept::registry();
        const std::lock_guard lock(r.mutex);
        for (const auto& [value, entry] : r.live) {
            if (value.size() < kMinRedacted) continue;
            find_all(text, size, value, places);
            if (const std::string& encoded = entry.kept->encoded; !encoded.empty())
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
    out.reserve(3 * raw.size());  // a secret leaves no shorter buffer behind
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
