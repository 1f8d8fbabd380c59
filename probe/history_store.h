// What remains of the past of every address: a roll-up for each minute of the last 24 hours and each hour of
// the last 30 days, and the last 512 failures, which successes never push out. In one file of fixed places
// (history_format.h), at most 300 KiB an address; written at most once a second, off the loop thread, so that
// kill -9 costs one second at most.
//
// At most 256 addresses. One that comes back finds its past; when all places are taken, a new one gets that
// of the address that had no probe for longest, if that was an hour ago at least. While the file can't be
// opened, or every place is in use, an address has its day in memory and what its rings there hold
// (history.h), and status says so. The wall clock decides where a record goes. Set back, it goes into the
// minutes and hours that it runs through again, and what lies in its future is not shown; it is overwritten
// when its time comes. In memory an address costs about 5 KiB: the hours of the last day and two histograms a
// phase. Owned by the agent, loop thread only.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "probe/history_reader.h"
#include "probe/write_behind.h"

namespace postern::probe {

class HistoryStore {
  public:
    /// `loop` null: everything is written at once when its second is over (tests).
    HistoryStore(core::Loop* loop, core::Clock& clock, std::string path, std::uint32_t most_addresses = kMaxSections);
    ~HistoryStore();
    HistoryStore(const HistoryStore&) = delete;
    HistoryStore& operator=(const HistoryStore&) = delete;

    void add(const Record& record);
    /// Writes everything now (at the end).
    void finish();

    /// Oldest first, the present period included. Nothing for an address that was never seen.
    std::optional<std::vector<Rollup>> rollups(const std::string& link, const core::IpAddress& ip,
                                               Resolution resolution, core::Micros since_wall_us);
    /// In the order they came.
    std::vector<Record> failures(const std::string& link, const core::IpAddress& ip);
    /// Nothing without an attempt in that time.
    std::optional<Availability> last_day(const std::string& link, const core::IpAddress& ip);

    /// "" or what is not kept and why, in one sentence.
    std::string problem() const;
    std::size_t addresses() const { return sections_.size(); }  // that have a place in the file
    const WriteBehind& file() const { return file_; }

  private:
    struct Address;
    struct Place {
        std::uint32_t section;
        core::Micros last_wall_us;  // of its last record; -1: not looked up yet
    };
    using Key = std::pair<std::string, core::IpAddress>;

    void try_to_open();
    core::Result<core::UniqueFd> open_file();
    Address* find(const Key& key);
    void forget_idle();
    void settle(Address& address);
    std::optional<std::uint32_t> free_section();
    core::Micros last_used(const Key& key, Place& place);
    void remember_names(Address& address, const Record& record);
    void put_rollup(const Address& address, Resolution resolution);
    void put_dirty(Address& address);
    void enter(Address& address, Resolution resolution, core::Micros start_wall_us);
    void tick();

    core::Clock& clock_;
    std::string path_;
    std::uint32_t most_;
    WriteBehind file_;
    bool opened_ = false;
    std::string open_problem_;
    core::Micros next_try_mono_us_ = 0;  // of opening
    std::map<Key, Place> sections_;
    std::map<Key, std::unique_ptr<Address>> addresses_;  // seen or asked for in this run
    std::uint32_t last_epoch_ = 0;
    core::Micros full_until_mono_us_ = 0;  // no place was free: not looked for again before
    core::Timer tick_;
    ReadAt read_;
};

}  // namespace postern::probe
