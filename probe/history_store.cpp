// SPDX-License-Identifier: Apache-2.0
#include "probe/history_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "core/log.h"

namespace postern::probe {
namespace {

constexpr core::Micros kPause = core::kSecond;
constexpr core::Micros kRetry = core::kMinute;
constexpr core::Micros kUnused = core::kHour;  // after so long without a probe its section may be reused
constexpr core::Micros kMonth = 30 * core::kDay;

core::Micros first_of_day(core::Micros now) {
    return start_of(Resolution::kHour, now) - core::kDay + core::kHour;
}

}  // namespace

struct HistoryStore::Address {
    Key key;
    std::optional<std::uint32_t> section;
    SectionIdentity identity;  // valid when it has a section
    std::uint32_t next_failure = 1;
    RollupBuilder minute, hour;
    std::vector<Rollup> hours;  // of the last day, without the current one
    Past past;
    bool past_loaded = false;
    bool dirty = false;

    RollupBuilder& of(Resolution r) { return r == Resolution::kMinute ? minute : hour; }
    const RollupBuilder& of(Resolution r) const { return r == Resolution::kMinute ? minute : hour; }

    void close_hour(core::Micros now) {
        const Rollup closed = hour.rollup();
        std::erase_if(hours, [&](const Rollup& r) {
            return r.start_wall_us == closed.start_wall_us || r.start_wall_us < first_of_day(now) ||
                   r.start_wall_us > now;
        });
        if (closed.start_wall_us != 0) hours.push_back(closed);
    }
};

HistoryStore::HistoryStore(core::Loop* loop, core::Clock& clock, std::string path, std::uint32_t max_addresses)
    : clock_(clock),
      path_(std::move(path)),
      max_(std::clamp<std::uint32_t>(max_addresses, 1, kMaxSections)),
      file_(loop),
      tick_(clock),
      read_([this](std::uint64_t offset, std::size_t size) { return file_.read(offset, size); }) {
    try_to_open();
}

HistoryStore::~HistoryStore() {
    finish();
}

// The file.

/// Opens or creates the file. One that is not a history of this version is renamed first.
core::Result<core::UniqueFd> HistoryStore::open_file() {
    for (bool first = true;; first = false) {
        core::UniqueFd fd(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        if (!fd)
            return core::fail(
                core::Error{core::Code::kFileUnreadable, core::message("can't open {}", path_), "", errno});
        core::Bytes header(kHeaderBytes);
        const ssize_t n = ::pread(fd.get(), header.data(), header.size(), 0);
        if (n < 0)
            return core::fail(
                core::Error{core::Code::kFileUnreadable, core::message("can't read {}", path_), "", errno});
        if (n == 0) {
            header = encode_header(kMaxSections);
            if (::pwrite(fd.get(), header.data(), header.size(), 0) == static_cast<ssize_t>(header.size())) return fd;
            const int error = errno;
            ::unlink(path_.c_str());
            return core::fail(core::Error{core::Code::kFileWrite, core::message("can't write {}", path_), "", error});
        }
        header.resize(static_cast<std::size_t>(n));
        const auto sections = decode_header(header);
        if (sections) return fd;
        const std::string aside = path_ + ".unusable";
        if (!first || ::rename(path_.c_str(), aside.c_str()) != 0) return core::fail(sections.error());
        core::log_warning("history_set_aside",
                          "the history file can't be used: a new one is begun, the old one is kept",
                          {{"path", path_}, {"error", sections.error().text()}, {"kept_as", aside}});
    }
}

void HistoryStore::try_to_open() {
    if (opened_ || clock_.mono_us() < next_try_mono_us_) return;
    next_try_mono_us_ = clock_.mono_us() + kRetry;
    auto fd = open_file();
    if (!fd) {
        if (std::exchange(open_problem_, fd.error().whole()).empty()) {
            core::log_warning("history_write_failed", "the history is kept in memory; probing goes on",
                              {{"path", path_}, {"error", open_problem_}});
        }
        return;
    }
    if (!std::exchange(open_problem_, "").empty()) {
        core::log_info("history_write_recovered", "the history is written again", {{"path", path_}});
    }
    opened_ = true;
    file_.use(std::move(*fd), path_);
    for (std::uint32_t section = 0; section < max_; ++section) {
        const auto identity = read_identity(read_, section);
        if (!identity) continue;
        last_epoch_ = std::max(last_epoch_, identity->epoch);
        sections_.insert({Key{identity->link, identity->ip}, Place{section, -1}});
    }
    restore_all();
}

/// What is written to a file without its name is lost.
void HistoryStore::notice_loss() {
    if (!opened_ || file_.is_named()) return;
    core::log_warning("history_reopened", "the history file was removed or replaced: it is opened again",
                      {{"path", path_}});
    opened_ = false;
    next_try_mono_us_ = 0;
    sections_.clear();
    for (auto& [key, address] : addresses_)
        address->section.reset();
    try_to_open();
}

core::Micros HistoryStore::last_used(const Key& key, Place& place) {
    if (place.last_wall_us >= 0) return place.last_wall_us;
    place.last_wall_us = 0;
    const auto identity = read_identity(read_, place.section);
    if (!identity || Key{identity->link, identity->ip} != key) return 0;
    const auto hours = read_rollups(read_, place.section, identity->epoch, Resolution::kHour, 0, clock_.wall_us());
    if (!hours.empty()) place.last_wall_us = hours.back().start_wall_us;
    return place.last_wall_us;
}

/// A free section, else the least recently used one.
std::optional<std::uint32_t> HistoryStore::free_section() {
    if (sections_.size() < max_) {
        std::vector<bool> taken(max_);
        for (const auto& [key, place] : sections_)
            taken[place.section] = true;
        return static_cast<std::uint32_t>(std::find(taken.begin(), taken.end(), false) - taken.begin());
    }
    if (clock_.mono_us() < full_until_mono_us_) return std::nullopt;
    auto oldest = sections_.begin();
    for (auto it = sections_.begin(); it != sections_.end(); ++it) {
        if (last_used(it->first, it->second) < last_used(oldest->first, oldest->second)) oldest = it;
    }
    if (clock_.wall_us() - oldest->second.last_wall_us < kUnused) {
        full_until_mono_us_ = clock_.mono_us() + kRetry;
        return std::nullopt;
    }
    const std::uint32_t section = oldest->second.section;
    addresses_.erase(oldest->first);
    sections_.erase(oldest);
    return section;
}

// Addresses.

/// Assigns a section, and loads the past of the address from it.
void HistoryStore::settle(Address& address) {
    if (address.section || !opened_) return;
    const auto it = sections_.find(address.key);
    const auto identity = it == sections_.end() ? std::nullopt : read_identity(read_, it->second.section);
    if (!identity) {
        if (it != sections_.end()) sections_.erase(it);  // damaged since it was found
        const auto section = free_section();
        if (!section) return;
        address.section = section;
        address.identity = {};
        address.identity.link = address.key.first;
        address.identity.ip = address.key.second;
        // Higher than the epoch of a section whose identity is damaged, so that its old slots stay invalid.
        last_epoch_ = std::max(last_epoch_ + 1, static_cast<std::uint32_t>(clock_.wall_us() / core::kSecond));
        address.identity.epoch = last_epoch_;
        sections_[address.key] = {*section, clock_.wall_us()};
        address.past_loaded = true;  // there is nothing
        return;
    }
    address.section = it->second.section;
    address.identity = *identity;
    const core::Micros now = clock_.wall_us();
    address.hours = read_rollups(read_, *address.section, identity->epoch, Resolution::kHour, now - kPastLasts, now);
    const auto failures = read_failures(read_, *address.section, *identity);
    if (!failures.empty()) address.next_failure = failures.back().number + 1;
    load_past(address, failures);
    std::erase_if(address.hours, [&](const Rollup& r) { return r.start_wall_us < first_of_day(now); });
}

/// From the hours and failures that were read.
void HistoryStore::load_past(Address& address, const std::vector<FailureSlot>& failures) {
    if (std::exchange(address.past_loaded, true)) return;
    const core::Micros now = clock_.wall_us();
    std::vector<Record> records;
    for (const auto& failure : failures) {
        if (failure.record.wall_us > now - kPastLasts && failure.record.wall_us <= now)
            records.push_back(failure.record);
    }
    std::stable_sort(records.begin(), records.end(), [](auto& a, auto& b) { return a.wall_us < b.wall_us; });
    address.past.load(address.hours, records);
    // An hour begins before its first attempt: of the last day the minutes know better.
    const auto first = std::find_if(address.hours.begin(), address.hours.end(), [](auto& r) { return r.attempts > 0; });
    if (first == address.hours.end() || first->start_wall_us < now - core::kDay + core::kHour) return;
    for (const auto& minute : read_rollups(read_, *address.section, address.identity.epoch, Resolution::kMinute,
                                           first->start_wall_us, first->start_wall_us + core::kHour - 1)) {
        if (minute.attempts > 0) return address.past.began(minute.start_wall_us);
    }
}

HistoryStore::Address* HistoryStore::find(const Key& key) {
    if (const auto it = addresses_.find(key); it != addresses_.end()) return it->second.get();
    if (sections_.count(key) == 0) return nullptr;
    auto address = std::make_unique<Address>();
    address->key = key;
    settle(*address);
    return addresses_.emplace(key, std::move(address)).first->second.get();
}

/// The addresses that are in memory get their places in the file that was just opened.
void HistoryStore::restore_all() {
    std::vector<Key> keys;  // a full file drops addresses on the way
    for (const auto& [key, address] : addresses_)
        keys.push_back(key);
    for (const Key& key : keys) {
        if (const auto it = addresses_.find(key); it != addresses_.end()) restore(*it->second);
    }
}

/// With the hours of the last day.
void HistoryStore::restore(Address& address) {
    const std::vector<Rollup> hours = address.hours;
    const SectionIdentity known = address.identity;
    settle(address);
    if (!address.section) return;
    SectionIdentity& i = address.identity;
    if (i.turn == 0 && known.turn > 0) {
        i.host = known.host;
        i.zone = known.zone;
        i.endpoint = known.endpoint;
        put_identity(address);
    }
    for (const Rollup& hour : hours) {
        std::erase_if(address.hours, [&](const Rollup& r) { return r.start_wall_us == hour.start_wall_us; });
        address.hours.push_back(hour);
        file_.put(slot_offset(*address.section, SlotKind::kHour, rollup_index(Resolution::kHour, hour.start_wall_us)),
                  encode_rollup(hour, Resolution::kHour, i.epoch));
    }
    address.dirty = true;
}

/// The zone and the endpoint of an address may change: old records are shown with the current ones.
void HistoryStore::remember_names(Address& address, const Record& record) {
    SectionIdentity& i = address.identity;
    if (!address.section) return;
    if (i.turn > 0 && i.host == record.host && i.zone == record.zone && i.endpoint == record.endpoint) return;
    i.host = record.host;
    i.zone = record.zone;
    i.endpoint = record.endpoint;
    put_identity(address);
}

/// Alternates between the copies, so that one of them is always valid. A new section gets both.
void HistoryStore::put_identity(Address& address) {
    SectionIdentity& i = address.identity;
    for (int copies = i.turn == 0 ? 2 : 1; copies > 0; --copies) {
        ++i.turn;
        file_.put(section_offset(*address.section) + i.turn % 2 * kIdentityBytes, encode_identity(i));
    }
}

void HistoryStore::put_rollup(const Address& address, Resolution resolution) {
    if (!address.section || address.of(resolution).start_wall_us() == 0) return;
    const Rollup rollup = address.of(resolution).rollup();
    file_.put(slot_offset(*address.section, slot_kind(resolution), rollup_index(resolution, rollup.start_wall_us)),
              encode_rollup(rollup, resolution, address.identity.epoch));
}

void HistoryStore::put_dirty(Address& address) {
    if (!std::exchange(address.dirty, false)) return;
    put_rollup(address, Resolution::kMinute);
    put_rollup(address, Resolution::kHour);
}

/// Ends the previous period and begins this one, or continues it if it has a roll-up already.
void HistoryStore::enter(Address& address, Resolution resolution, core::Micros start_wall_us) {
    RollupBuilder& builder = address.of(resolution);
    if (builder.start_wall_us() == start_wall_us) return;
    put_rollup(address, resolution);
    if (resolution == Resolution::kHour) address.close_hour(clock_.wall_us());
    std::optional<Rollup> before;
    if (address.section) {
        before = read_rollup(read_, *address.section, address.identity.epoch, resolution, start_wall_us);
    }
    if (before) {
        builder.resume(*before);
    } else {
        builder.begin(start_wall_us);
    }
    std::erase_if(address.hours, [&](const Rollup& r) { return r.start_wall_us == address.hour.start_wall_us(); });
}

/// Drops addresses without a probe for an hour from memory. Those with a section can be loaded again from the file.
void HistoryStore::forget_idle() {
    const core::Micros before = clock_.wall_us() - kUnused - core::kHour;
    std::erase_if(addresses_, [before](const auto& item) {
        return !item.second->dirty && item.second->hour.start_wall_us() < before;
    });
}

void HistoryStore::add(const Record& record) {
    try_to_open();
    const Key key{record.link, record.ip};
    Address* address = find(key);
    if (address == nullptr) {
        if (addresses_.size() >= 2 * std::size_t{max_}) forget_idle();
        auto fresh = std::make_unique<Address>();
        fresh->key = key;
        address = addresses_.emplace(key, std::move(fresh)).first->second.get();
    }
    settle(*address);
    remember_names(*address, record);
    for (const Resolution r : {Resolution::kMinute, Resolution::kHour}) {
        enter(*address, r, start_of(r, record.wall_us));
        address->of(r).add(record);
    }
    address->past.add(record);
    address->dirty = true;
    if (address->section) sections_.at(key).last_wall_us = record.wall_us;
    if (!record.ok && record.reason != Reason::kTokenMissing && address->section) {
        const std::uint32_t number = address->next_failure++;
        file_.put(slot_offset(*address->section, SlotKind::kFailure, number % table_of(SlotKind::kFailure).slots),
                  encode_failure({number, record}, address->identity.epoch));
    }
    if (!tick_.pending()) tick_.start_in(kPause, [this] { tick(); });
}

void HistoryStore::tick() {
    notice_loss();
    for (auto& [key, address] : addresses_)
        put_dirty(*address);
    file_.flush();
    if (!file_.idle()) tick_.start_in(kPause, [this] { tick(); });
}

void HistoryStore::finish() {
    tick_.stop();
    notice_loss();
    for (auto& [key, address] : addresses_)
        put_dirty(*address);
    file_.finish();
}

// Queries.

std::optional<std::vector<Rollup>> HistoryStore::rollups(const std::string& link, const core::IpAddress& ip,
                                                         Resolution resolution, core::Micros since_wall_us) {
    Address* address = find({link, ip});
    if (address == nullptr) return std::nullopt;
    const core::Micros now = clock_.wall_us();
    const core::Micros since =
        std::max(since_wall_us, now - (resolution == Resolution::kMinute ? core::kDay : kMonth) + 1);
    if (address->section) {
        put_dirty(*address);
        return read_rollups(read_, *address->section, address->identity.epoch, resolution, since, now);
    }
    std::vector<Rollup> out;
    if (resolution == Resolution::kHour) out = address->hours;
    out.push_back(address->of(resolution).rollup());
    std::erase_if(out, [&](const Rollup& r) { return r.start_wall_us < since || r.start_wall_us > now; });
    return out;
}

std::vector<Record> HistoryStore::failures(const std::string& link, const core::IpAddress& ip) {
    std::vector<Record> out;
    const Address* address = find({link, ip});
    if (address == nullptr || !address->section) return out;
    for (auto& failure : read_failures(read_, *address->section, address->identity))
        out.push_back(std::move(failure.record));
    return out;
}

std::optional<Availability> HistoryStore::last_day(const std::string& link, const core::IpAddress& ip) {
    const Address* address = find({link, ip});
    if (address == nullptr) return std::nullopt;
    const core::Micros now = clock_.wall_us();
    Availability out;
    TimeHistogram totals;
    const auto take = [&](const Rollup& r) {
        if (r.attempts == 0 || r.start_wall_us < first_of_day(now) || r.start_wall_us > now) return;
        out.since_wall_us = out.since_wall_us == 0 ? r.start_wall_us : std::min(out.since_wall_us, r.start_wall_us);
        out.attempts += r.attempts;
        out.failures += r.failures;
        if (r.series[kTotal]) totals.add(*r.series[kTotal], r.attempts);
    };
    for (const Rollup& hour : address->hours)
        take(hour);
    take(address->hour.rollup());
    if (const auto spread = totals.spread()) out.p95_us = spread->p95_us;
    return out.attempts == 0 ? std::nullopt : std::optional(out);
}

std::optional<Month> HistoryStore::last_month(const std::string& link, const core::IpAddress& ip) {
    const Address* address = find({link, ip});
    return address == nullptr ? std::nullopt : address->past.month(clock_.wall_us());
}

std::vector<Incident> HistoryStore::incidents(const std::string& link, const core::IpAddress& ip) {
    const Address* address = find({link, ip});
    return address == nullptr ? std::vector<Incident>{} : address->past.incidents(clock_.wall_us());
}

core::Message HistoryStore::problem() const {
    const core::Message& why = open_problem_.empty() ? file_.problem() : open_problem_;
    if (!why.empty()) return fmt::format("the history is not written to {}: {}", path_, why);
    const auto left_out =
        std::count_if(addresses_.begin(), addresses_.end(), [](auto& a) { return !a.second->section; });
    if (opened_ && left_out > 0) {
        return fmt::format("{} addresses are not in the history file: it has room for {}", left_out, max_);
    }
    return {};
}

}  // namespace postern::probe
