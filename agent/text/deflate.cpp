// SPDX-License-Identifier: Apache-2.0
#include "agent/text/deflate.h"

#include <zlib.h>

#include <new>
#include <stdexcept>

namespace postern::agent {

std::string gzipped(std::string_view text, int level) {
    // zlib's values: 16 added to the window bits selects gzip; 8 is the default memory level
    constexpr int kGzip = 16, kMemory = 8;
    z_stream stream{};
    if (deflateInit2(&stream, level, Z_DEFLATED, MAX_WBITS + kGzip, kMemory, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::bad_alloc();
    std::string out(deflateBound(&stream, text.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int rc = deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    if (rc != Z_STREAM_END) throw std::runtime_error("deflate() did not finish within deflateBound()");
    return out;
}

}  // namespace postern::agent
