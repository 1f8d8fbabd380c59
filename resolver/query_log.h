// Keeps a random sample of the answered queries for core/query_log.h's file: at most every 200 ms a write, none
// while it is off or nothing is asked. Loop thread.
#pragma once

#include "core/fd.h"
#include "core/query_log.h"
#include "core/random.h"
#include "resolver/peer.h"
#include "resolver/response_writer.h"

namespace postern::resolver {

class QueryLog {
  public:
    /// An empty path: never on.
    QueryLog(core::Clock& clock, core::Random& random, std::string path);
    ~QueryLog();

    /// 1 of `sample` queries is kept; 0: off, and the file is removed.
    void configure(std::uint64_t sample);

    /// Whether the query at hand is one of the sample.
    bool takes() { return sample_ != 0 && (sample_ == 1 || random_.next64() % sample_ == 0); }
    void keep(ByteView question, const ReplyTo& from, core::Source source, std::uint16_t rcode, core::Micros took_us);

  private:
    void write();
    bool open();
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
