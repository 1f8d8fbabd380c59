// DNS over TCP: messages with a two-byte length before each (RFC 1035 4.2.2), several in one segment or one
// in several (RFC 7766 8). Passive: bytes in, messages out.
#pragma once

#include <algorithm>

#include "core/bytes.h"

namespace postern::resolver {

class TcpFraming {
  public:
    /// Calls `message(ByteView)` for every message that `data` completes; the view lives during the call
    /// only. When it returns false the rest stays with the caller. Returns how many bytes were taken.
    template <class Fn>
    std::size_t feed(core::ByteView data, Fn&& message) {
        const std::size_t all = data.size();
        while (!data.empty()) {
            if (partial_.empty()) {
                // The usual case: whole messages, read where they are.
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
    /// A message has begun that is not complete.
    bool in_message() const { return !partial_.empty(); }

  private:
    std::size_t wanted() const { return partial_.size() < 2 ? 2 : 2u + core::load_be16(partial_.data()); }
    bool complete() const { return partial_.size() >= 2 && partial_.size() == wanted(); }
    /// Takes what the current step needs: first the length, then the message.
    std::size_t fill(core::ByteView data) {
        const std::size_t n = std::min(data.size(), wanted() - partial_.size());
        partial_.insert(partial_.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(n));
        return n;
    }

    core::Bytes partial_;  // with its length; memory grows with what has come, not with what was announced
};

}  // namespace postern::resolver
