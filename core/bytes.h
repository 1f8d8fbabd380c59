// SPDX-License-Identifier: Apache-2.0
// Bounds-checked reading and building of binary data. DNS messages are big-endian, our own files little-endian.
// Once a read goes past the end the reader stays failed: read everything, then check ok() once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace postern::core {

using ByteView = std::span<const std::uint8_t>;
using Bytes = std::vector<std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::uint16_t load_be16(const std::uint8_t* p) {
    return static_cast<std::uint16_t>(p[0] << 8 | p[1]);
}
inline std::uint32_t load_be32(const std::uint8_t* p) {
    return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
}
inline void store_be16(std::uint8_t* p, std::uint16_t v) {
    p[0] = static_cast<std::uint8_t>(v >> 8);
    p[1] = static_cast<std::uint8_t>(v);
}
inline void store_be32(std::uint8_t* p, std::uint32_t v) {
    store_be16(p, static_cast<std::uint16_t>(v >> 16));
    store_be16(p + 2, static_cast<std::uint16_t>(v));
}

/// Little-endian load and store of a signed or unsigned integer; `p` need not be aligned.
template <class T>
T load_le(const std::uint8_t* p) {
    std::uint64_t v = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
        v |= std::uint64_t{p[i]} << (8 * i);
    return static_cast<T>(v);
}
template <class T>
void store_le(std::uint8_t* p, T value) {
    const auto v = static_cast<std::uint64_t>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i)
        p[i] = static_cast<std::uint8_t>(v >> (8 * i));
}

/// Reads from a buffer that must outlive it. After a failure every read gives zero or an empty view.
class ByteReader {
  public:
    explicit ByteReader(ByteView data) : data_(data) {}
    bool ok() const { return ok_; }
    std::size_t remaining() const { return ok_ ? data_.size() - position_ : 0; }
    /// The next n bytes; an empty view, and a failed reader, when there are fewer.
    ByteView take(std::size_t n) {
        if (n > remaining()) {
            ok_ = false;
            return {};
        }
        position_ += n;
        return data_.subspan(position_ - n, n);
    }
    template <class T>
    T le() {
        const ByteView b = take(sizeof(T));
        return ok_ ? load_le<T>(b.data()) : T{};
    }
    std::uint8_t u8() { return le<std::uint8_t>(); }
    std::uint16_t be16() {
        const ByteView b = take(2);
        return ok_ ? load_be16(b.data()) : std::uint16_t{};
    }

  private:
    ByteView data_;
    std::size_t position_ = 0;
    bool ok_ = true;
};

/// Appends to a buffer that it owns.
class ByteWriter {
  public:
    template <class T>
    void le(T value) {
        const std::size_t at = bytes_.size();
        bytes_.resize(at + sizeof(T));
        store_le(bytes_.data() + at, value);
    }
    void append(ByteView data) { bytes_.insert(bytes_.end(), data.begin(), data.end()); }
    void zeros(std::size_t n) { bytes_.resize(bytes_.size() + n); }
    std::size_t size() const { return bytes_.size(); }
    std::uint8_t* at(std::size_t offset) { return bytes_.data() + offset; }
    Bytes& bytes() { return bytes_; }

  private:
    Bytes bytes_;
};

/// CRC-64/XZ: detects accidental damage, not forgery (the permissions of the folder prevent that). To continue over
/// more data pass the result so far as `seed`.
std::uint64_t crc64(ByteView data, std::uint64_t seed = 0);

}  // namespace postern::core
