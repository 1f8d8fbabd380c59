#include "agent/doctor/archive.h"

#include <fmt/format.h>
#include <zlib.h>

#include <new>
#include <stdexcept>

namespace postern::agent::doctor {

namespace {

constexpr std::size_t kBlock = 512;

/// POSIX.1-1988: fixed fields, numbers in octal, a checksum over the header with blanks in its place.
std::string header_of(const ArchiveFile& file, core::Micros wall_us) {
    std::string header(kBlock, '\0');
    const auto put = [&header](std::size_t at, std::string_view text) { header.replace(at, text.size(), text); };
    put(0, std::string_view(file.name).substr(0, 100));
    put(100, "0000600");
    put(108, "0000000");
    put(116, "0000000");
    put(124, fmt::format("{:011o}", file.content.size()));
    put(136, fmt::format("{:011o}", wall_us / core::kSecond));
    put(148, "        ");
    put(156, "0");
    put(257, "ustar");
    put(263, "00");
    unsigned sum = 0;
    for (const char c : header)
        sum += static_cast<unsigned char>(c);
    put(148, fmt::format("{:06o}", sum));
    header[154] = '\0';
    return header;
}

std::string gzip(const std::string& text) {
    constexpr int kGzipHeader = 16;
    z_stream stream{};
    if (deflateInit2(&stream, 9, Z_DEFLATED, MAX_WBITS + kGzipHeader, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
    std::string out(deflateBound(&stream, text.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int rc = deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    if (rc != Z_STREAM_END) throw std::runtime_error("the archive could not be compressed");
    return out;
}

}  // namespace

std::string tar_gz(const std::vector<ArchiveFile>& files, core::Micros wall_us) {
    std::string tar;
    for (const ArchiveFile& file : files) {
        tar += header_of(file, wall_us);
        tar += file.content;
        tar.resize((tar.size() + kBlock - 1) / kBlock * kBlock);
    }
    tar.resize(tar.size() + 2 * kBlock);  // two empty blocks are the end
    return gzip(tar);
}

}  // namespace postern::agent::doctor
