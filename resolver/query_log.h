// SPDX-License-Identifier: Apache-2.0
// Writes a random sample of the answered queries to the file of core/query_log.h, every 200 ms at most, and only
// after new queries. Another file of that name is left alone. Loop thread.
#pragma once

#include "core/fd.h"
#include "core/query_log.h"
#include "core/random.h"
#include "resolver/peer.h"
#include "resolver/response_writer.h"

namespace postern::resolver {

class QueryLog {
  public:
    /// With an empty path it is always off.
    QueryLog(core::Clock& clock, core::Random& random, std::string path);
    ~QueryLog();

    /// One in `sample` queries is kept; 0: off, and the file is removed.
    void configure(std::uint64_t sample);

    /// Decides at random whether a query is kept.
    bool takes() { return sample_ != 0 && (sample_ == 1 || random_.next64() % sample_ == 0); }
    void keep(ByteView question, const ReplyTo& from, core::Source source, std::uint16_t rcode, core::Micros took_us);

  private:
    void write();
    core::Result<void> write_pending();
    core::Result<void> open();
    void remove();

    static constexpr std::size_t kMaxPending = 128;

    core::Clock& clock_;
    core::Random& random_;
    std::string path_;
    std::uint64_t sample_ = 0;
    std::uint64_t seq_ = 0;
    std::vector<core::QueryRecord> pending_;  // consecutive, the last is seq_
    core::UniqueFd file_;
    core::Timer timer_;
    bool warned_ = false;
};

}  // namespace postern::resolver
