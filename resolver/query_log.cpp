// SPDX-License-Identifier: Apache-2.0
#include "resolver/query_log.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/log.h"
#include "core/own_file.h"

namespace postern::resolver {
namespace {

using core::QueryLogFile;
using core::QueryRecord;

constexpr core::Micros kInterval = 200 * core::kMillisecond;
constexpr std::size_t kTypeAndClass = 4;

}  // namespace

QueryLog::QueryLog(core::Clock& clock, core::Random& random, std::string path)
    : clock_(clock), random_(random), path_(std::move(path)), timer_(clock) {
    remove();  // the file of an earlier run
}

QueryLog::~QueryLog() {
    write();
}

void QueryLog::configure(std::uint64_t sample) {
    if (path_.empty() || sample == sample_) return;
    sample_ = sample;
    pending_ = std::vector<core::QueryRecord>();  // `= {}` would keep the memory
    timer_.stop();
    file_.reset();
    seq_ = 0;
    remove();
}

void QueryLog::remove() {
    if (!path_.empty()) core::remove_own_file(path_, QueryLogFile::kMagic);
}

void QueryLog::keep(ByteView question, const ReplyTo& from, core::Source source, std::uint16_t rcode,
                    core::Micros took_us) {
    QueryRecord r;
    r.seq = r.seq_again = ++seq_;
    r.wall_us = clock_.wall_us();
    r.took_us = static_cast<std::uint32_t>(std::clamp<core::Micros>(took_us, 0, UINT32_MAX));
    r.rcode = rcode;
    r.source = static_cast<std::uint8_t>(source);
    r.proto = static_cast<std::uint8_t>(from.proto);
    const core::IpAddress client = from.peer.ip();
    r.family = client.is_v6() ? 6 : 4;
    std::memcpy(r.client.data(), client.data(), client.size());
    if (question.size() > kTypeAndClass && question.size() <= kMaxName + kTypeAndClass) {
        r.name_size = static_cast<std::uint8_t>(question.size() - kTypeAndClass);
        std::memcpy(r.name.data(), question.data(), r.name_size);
        r.type = core::load_be16(question.data() + r.name_size);
        r.klass = core::load_be16(question.data() + r.name_size + 2);
    }
    pending_.push_back(r);
    if (pending_.size() == kMaxPending) return write();
    if (!timer_.pending()) timer_.start_in(kInterval, [this] { write(); });
}

core::Result<void> QueryLog::open() {
    if (file_ && core::is_named(file_.get(), path_)) return {};
    auto file = core::open_own_file(path_, QueryLogFile::kMagic, 0640);  // `postern queries` reads it by group
    if (!file) return core::fail(file.error());
    file_ = std::move(*file);
    QueryLogFile head;
    head.sample = sample_;
    if (::ftruncate(file_.get(), 0) == 0 &&
        ::pwrite(file_.get(), &head, sizeof head, 0) == static_cast<ssize_t>(sizeof head))
        return {};
    return core::fail(core::Code::kFileWrite, "cannot write " + path_, {}, errno);
}

core::Result<void> QueryLog::write_pending() {
    if (pending_.empty()) return {};
    if (auto opened = open(); !opened) return opened;
    for (std::size_t at = 0; at < pending_.size();) {
        const std::uint64_t seq = pending_[at].seq;
        const std::size_t n =
            std::min<std::size_t>(pending_.size() - at, QueryLogFile::kSlots - seq % QueryLogFile::kSlots);
        const std::size_t size = n * sizeof(QueryRecord);
        if (::pwrite(file_.get(), &pending_[at], size, static_cast<off_t>(QueryLogFile::offset_of(seq))) !=
            static_cast<ssize_t>(size))
            return core::fail(core::Code::kFileWrite, "cannot write " + path_, {}, errno);
        at += n;
    }
    return {};
}

void QueryLog::write() {
    timer_.stop();
    const auto written = write_pending();
    pending_.clear();
    if (!written && !warned_)
        core::log_warning("query_log_failed", written.error().text() + "; queries are answered but not logged");
    warned_ = !written;
}

}  // namespace postern::resolver
