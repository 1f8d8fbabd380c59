// SPDX-License-Identifier: Apache-2.0
// DNS over TCP: each message follows its length in two bytes (RFC 1035 4.2.2); a segment may have several messages or
// a part of one (RFC 7766 8). Passive: bytes in, messages out.
#pragma once

#include <algorithm>

#include "core/bytes.h"

namespace postern::resolver {

class TcpFraming {
  public:
    /// Calls `message(ByteView)` for every message that `data` completes; the view is valid during the call only.
    /// Stops when it returns false. Returns how many bytes of `data` were consumed.
    template <class Fn>
    std::size_t feed(core::ByteView data, Fn&& message) {
        const std::size_t all = data.size();
        while (!data.empty()) {
            if (partial_.empty()) {
                // The usual case: complete messages, passed on without a copy.
                if (data.size() >= 2) {
                    const std::size_t size = core::load_be16(data.data());
                    if (data.size() - 2 >= size) {
                        const core::ByteView whole = data.subspan(2, size);
                        data = data.subspan(2 + size);
                        if (!message(whole)) return all - data.size();
                        continue;
                    }
                }
                partial_.assign(data.begin(), data.end());
                return all;
            }
            data = data.subspan(fill(data));
            if (!complete()) continue;
            core::Bytes whole;
            whole.swap(partial_);
            if (!message(core::ByteView(whole).subspan(2))) return all - data.size();
        }
        return all;
    }
    /// A part of a message has been received.
    bool in_message() const { return !partial_.empty(); }

  private:
    std::size_t wanted() const { return partial_.size() < 2 ? 2 : 2u + core::load_be16(partial_.data()); }
    bool complete() const { return partial_.size() >= 2 && partial_.size() == wanted(); }
    /// Consumes the rest of the length, or else of the message.
    std::size_t fill(core::ByteView data) {
        const std::size_t n = std::min(data.size(), wanted() - partial_.size());
        partial_.insert(partial_.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(n));
        return n;
    }

    core::Bytes partial_;  // begins with the length; as large as what was received, not as the announced length
};

}  // namespace postern::resolver
