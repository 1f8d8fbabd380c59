// SPDX-License-Identifier: Apache-2.0
#include "probe/history.h"

#include <algorithm>

namespace postern::probe {
namespace {

constexpr std::int32_t kNone = -1;

std::int32_t clamp32(core::Micros us) {
    return static_cast<std::int32_t>(std::clamp<core::Micros>(us, 0, INT32_MAX));
}

}  // namespace

struct History::Slot {
    core::Micros wall_us = 0;
    std::shared_ptr<const TlsFacts> tls;
    std::int64_t sql_code = 0;
    std::uint64_t seq = 0;
    std::unique_ptr<std::string> detail;  // failures only
    std::array<std::int32_t, kTimedPhases> phase_us{};
    std::int32_t total_us = 0;
    std::int32_t ws_us = kNone;
    std::int16_t http_status = kNone;
    std::uint16_t local_port = 0;
    bool has_sql_code = false;
    bool ok = false;
    Phase phase = Phase::kCount;
    Reason reason = Reason::kNone;
    State path = State::kUnknown, service = State::kUnknown, state = State::kUnknown, prev_state = State::kUnknown;
};

namespace {

/// Grows up to its limit, then overwrites the oldest.
template <class T>
class Ring {
  public:
    void add(T value, std::size_t limit) {
        if (limit == 0) return;
        if (items_.size() < limit) {
            items_.push_back(std::move(value));
        } else {
            items_[next_] = std::move(value);
            next_ = (next_ + 1) % items_.size();
        }
    }
    std::size_t size() const { return items_.size(); }
    /// `i` = 0 is the newest.
    const T& newest(std::size_t i) const { return items_[(next_ + items_.size() - 1 - i) % items_.size()]; }

  private:
    std::vector<T> items_;
    std::size_t next_ = 0;  // the index of the oldest when full
};

}  // namespace

struct History::Address {
    std::string link, host, zone, endpoint;
    core::IpAddress ip;
    Ring<Slot> results;
    Ring<Slot> failures;                  // copies of those in `results`, kept for longer
    std::shared_ptr<const TlsFacts> tls;  // the last ones, shared by records until they change

    static Slot pack(const Record& r) {
        Slot s;
        s.wall_us = r.wall_us;
        s.tls = r.tls;
        s.local_port = r.local_port;
        s.sql_code = r.sql_code.value_or(0);
        s.has_sql_code = r.sql_code.has_value();
        s.seq = r.seq;
        if (!r.detail.empty()) s.detail = std::make_unique<std::string>(r.detail);
        for (std::size_t i = 0; i < kTimedPhases; ++i)
            s.phase_us[i] = r.phase_us[i] ? clamp32(*r.phase_us[i]) : kNone;
        s.total_us = clamp32(r.total_us);
        if (r.ws_us) s.ws_us = clamp32(*r.ws_us);
        s.http_status = static_cast<std::int16_t>(r.http_status.value_or(kNone));
        s.ok = r.ok;
        s.phase = r.phase;
        s.reason = r.reason;
        s.path = r.path;
        s.service = r.service;
        s.state = r.state;
        s.prev_state = r.prev_state;
        return s;
    }
    Record unpack(const Slot& s) const {
        Record r;
        r.wall_us = s.wall_us;
        r.link = link;
        r.host = host;
        r.zone = zone;
        r.endpoint = endpoint;
        r.ip = ip;
        r.ok = s.ok;
        r.phase = s.phase;
        r.reason = s.reason;
        if (s.detail) r.detail = *s.detail;
        for (std::size_t i = 0; i < kTimedPhases; ++i) {
            if (s.phase_us[i] != kNone) r.phase_us[i] = s.phase_us[i];
        }
        r.total_us = s.total_us;
        if (s.ws_us != kNone) r.ws_us = s.ws_us;
        if (s.http_status != kNone) r.http_status = s.http_status;
        if (s.has_sql_code) r.sql_code = s.sql_code;
        r.tls = s.tls;
        r.cert_not_after_us = s.tls ? s.tls->certificate.not_after_us : 0;
        r.local_port = s.local_port;
        r.path = s.path;
        r.service = s.service;
        r.state = s.state;
        r.prev_state = s.prev_state;
        r.seq = s.seq;
        return r;
    }
};

History::History(HistoryLimits limits, std::uint64_t first_seq) : limits_(limits), next_seq_(first_seq) {}
History::~History() = default;

Record History::add(const ProbeResult& result, const Fold& fold) {
    Record record = make_record(result, fold, next_seq_++);
    auto& address = addresses_[{record.link, record.ip}];
    if (!address) address = std::make_unique<Address>();
    // The zone and the endpoint of an address may change: old records are shown with the current ones.
    address->link = record.link;
    address->host = record.host;
    address->zone = record.zone;
    address->endpoint = record.endpoint;
    address->ip = record.ip;
    if (record.tls && address->tls && *record.tls == *address->tls) record.tls = address->tls;
    if (record.tls) address->tls = record.tls;
    address->results.add(Address::pack(record), limits_.results);
    if (!record.ok) address->failures.add(Address::pack(record), limits_.failures);
    return record;
}

std::vector<Record> History::query(const RecordFilter& filter, std::size_t limit) const {
    std::vector<Record> found;
    for (const auto& [key, address] : addresses_) {
        if ((!filter.link.empty() && key.first != filter.link) || (filter.ip && key.second != *filter.ip)) continue;
        std::uint64_t oldest_seen = UINT64_MAX;
        std::size_t taken = 0;
        for (std::size_t i = 0; i < address->results.size() && taken < limit; ++i) {
            const Slot& slot = address->results.newest(i);
            oldest_seen = slot.seq;
            Record record = address->unpack(slot);
            if (!filter.matches(record)) continue;
            found.push_back(std::move(record));
            ++taken;
        }
        for (std::size_t i = 0; i < address->failures.size() && taken < limit; ++i) {
            const Slot& slot = address->failures.newest(i);
            if (slot.seq >= oldest_seen) continue;
            Record record = address->unpack(slot);
            if (!filter.matches(record)) continue;
            found.push_back(std::move(record));
            ++taken;
        }
    }
    std::sort(found.begin(), found.end(), [](const Record& a, const Record& b) { return a.seq > b.seq; });
    if (found.size() > limit) found.resize(limit);
    return found;
}

std::string History::recent(const std::string& link, const core::IpAddress& ip, std::size_t limit) const {
    const auto found = addresses_.find({link, ip});
    if (found == addresses_.end()) return {};
    const auto& results = found->second->results;
    std::string marks;
    for (std::size_t i = std::min(limit, results.size()); i-- > 0;) {
        const Slot& slot = results.newest(i);
        const bool good = slot.ok || slot.reason == Reason::kTokenMissing;
        marks += good ? (slot.state == State::kDegraded ? '~' : '+') : is_local(slot.reason) ? '?' : 'x';
    }
    return marks;
}

void History::forget(core::Micros before_wall_us,
                     const std::function<bool(const std::string&, const core::IpAddress&)>& probed) {
    std::erase_if(addresses_, [&](const auto& item) {
        const auto& [key, address] = item;
        if (probed(key.first, key.second)) return false;
        return address->results.size() == 0 || address->results.newest(0).wall_us < before_wall_us;
    });
}

}  // namespace postern::probe
