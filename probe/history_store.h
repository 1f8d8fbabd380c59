// SPDX-License-Identifier: Apache-2.0
// The history of every address on disk: a roll-up for each minute of the last 24 hours and each hour of the last 30
// days, and the last 512 failures. In one file with a fixed place for everything (history_format.h), 300 KiB per
// address; written once a second at most, in libuv's pool, so that kill -9 loses one second at most.
//
// A file that was removed, moved or replaced is noticed within a second of writing: then the one at the path is opened,
// or a new one begun, with the hours that are in memory.
//
// It has sections for 256 addresses. An address that returns gets its section again. When all sections are used a
// new address gets that of the address without a probe for longest, if that is an hour or more. While the file can't
// be opened, or no section is free, an address has only the last day in memory and the rings of history.h, and
// problem() says so.
//
// Records go into the periods of the wall clock. After the clock was set back they are added to the periods that it
// passes again; later periods are not shown, and are overwritten when their time comes. In memory an address takes
// about 6 KiB: the hours of the last day, two histograms per phase, and its past in brief (past.h). Owned by the agent,
// loop thread only.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/message.h"
#include "probe/history_reader.h"
#include "probe/past.h"
#include "probe/write_behind.h"

namespace postern::probe {

class HistoryStore {
  public:
    /// Without a loop (nullptr, in tests) the writes of each second block.
    HistoryStore(core::Loop* loop, core::Clock& clock, std::string path, std::uint32_t max_addresses = kMaxSections);
    ~HistoryStore();
    HistoryStore(const HistoryStore&) = delete;
    HistoryStore& operator=(const HistoryStore&) = delete;

    void add(const Record& record);
    /// At the end of the program: writes everything before it returns.
    void finish();

    /// Oldest first, with the current period. Nothing for an address that was never seen.
    std::optional<std::vector<Rollup>> rollups(const std::string& link, const core::IpAddress& ip,
                                               Resolution resolution, core::Micros since_wall_us);
    /// In the order in which they were added.
    std::vector<Record> failures(const std::string& link, const core::IpAddress& ip);
    /// Nothing when there was no attempt in that time.
    std::optional<Availability> last_day(const std::string& link, const core::IpAddress& ip);
    /// As past.h has them; of an address without a section those of this run.
    std::optional<Month> last_month(const std::string& link, const core::IpAddress& ip);
    std::vector<Incident> incidents(const std::string& link, const core::IpAddress& ip);

    /// One sentence about what is not written and why; "" when all is.
    core::Message problem() const;
    std::size_t addresses() const { return sections_.size(); }  // that have a section in the file
    const WriteBehind& file() const { return file_; }

  private:
    struct Address;
    struct Place {
        std::uint32_t section;
        core::Micros last_wall_us;  // of its last record; -1: not looked up yet
    };
    using Key = std::pair<std::string, core::IpAddress>;

    void try_to_open();
    void notice_loss();
    core::Result<core::UniqueFd> open_file();
    Address* find(const Key& key);
    void forget_idle();
    void settle(Address& address);
    void load_past(Address& address, const std::vector<FailureSlot>& failures);
    std::optional<std::uint32_t> free_section();
    core::Micros last_used(const Key& key, Place& place);
    void restore_all();
    void restore(Address& address);
    void remember_names(Address& address, const Record& record);
    void put_identity(Address& address);
    void put_rollup(const Address& address, Resolution resolution);
    void put_dirty(Address& address);
    void enter(Address& address, Resolution resolution, core::Micros start_wall_us);
    void tick();

    core::Clock& clock_;
    std::string path_;
    std::uint32_t max_;
    WriteBehind file_;
    bool opened_ = false;
    core::Message open_problem_;
    core::Micros next_try_mono_us_ = 0;  // of opening
    std::map<Key, Place> sections_;
    std::map<Key, std::unique_ptr<Address>> addresses_;  // seen or asked for in this run
    std::uint32_t last_epoch_ = 0;
    core::Micros full_until_mono_us_ = 0;  // no section was free: don't search again before this
    core::Timer tick_;
    ReadAt read_;
};

}  // namespace postern::probe
