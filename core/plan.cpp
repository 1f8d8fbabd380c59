// SPDX-License-Identifier: Apache-2.0
#include "core/plan.h"

#include <algorithm>
#include <array>
#include <map>

#include "core/file_system.h"

namespace postern::core {
namespace {

constexpr std::array<std::uint8_t, 8> kMagic{'P', 'S', 'T', 'N', 'P', 'L', 'A', 'N'};
constexpr std::size_t kHeaderSize = 32;  // magic 8, version 4, sections 4, size 8, crc 8
constexpr std::size_t kCrcOffset = 24;
constexpr std::size_t kSectionEntrySize = 24;  // id 4, zero 4, offset 8, length 8
constexpr std::uint32_t kMaxSections = 64;

enum Section : std::uint32_t {
    kIdentity = 1,
    kSettings,
    kListen,
    kAllow,
    kUpstreams,
    kLinks,
    kOwners,
    kRrsets,
    kAnswers,
    kHeap,
    kScopes,   // of upstreams with link-local addresses: index 4, name of the interface 16
    kTargets,  // link 4, state 1, flags 1, zero 2, address
};
constexpr std::uint32_t kLastSection = kTargets;

constexpr std::size_t kLinkSize = 12;
constexpr std::size_t kOwnerSize = 44;
constexpr std::size_t kRrsetSize = 12;
constexpr std::size_t kAnswerSize = 16;
constexpr std::uint8_t kFlagReady = 1;
constexpr std::uint8_t kFlagFree = 1;
constexpr std::size_t kMaxAnswerWire = 65535 - 12 - 255 - 4;  // fits after the longest question
constexpr std::size_t kMaxExplain = 4096;

std::uint64_t file_crc(ByteView file) {
    return crc64(file.subspan(kHeaderSize), crc64(file.first(kCrcOffset)));
}

/// Lower case, uncompressed, at most 255 bytes, ending with the root label.
bool is_wire_name(ByteView name) {
    if (name.empty() || name.size() > 255) return false;
    std::size_t at = 0;
    while (at < name.size()) {
        const std::size_t length = name[at];
        if (length == 0) return at + 1 == name.size();
        if (length > 63 || at + 1 + length >= name.size()) return false;
        for (std::size_t i = at + 1; i <= at + length; ++i) {
            if (name[i] >= 'A' && name[i] <= 'Z') return false;
        }
        at += 1 + length;
    }
    return false;
}

void put_address(ByteWriter& out, const IpAddress& ip, std::uint8_t prefix_length, std::uint16_t port) {
    out.le(static_cast<std::uint8_t>(ip.is_v6() ? 6 : 4));
    out.le(prefix_length);
    out.le(port);
    out.append({ip.data(), ip.size()});
    out.zeros(16 - ip.size());
}

struct RawAddress {
    IpAddress ip;
    std::uint8_t prefix_length;
    std::uint16_t port;
};

bool get_address(ByteReader& in, RawAddress* out) {
    const auto family = in.u8();
    out->prefix_length = in.u8();
    out->port = in.le<std::uint16_t>();
    const ByteView bytes = in.take(16);
    if (!in.ok() || (family != 4 && family != 6)) return false;
    if (family == 4) {
        out->ip = IpAddress::v4(load_be32(bytes.data()));
    } else {
        std::array<std::uint8_t, 16> a;
        std::copy(bytes.begin(), bytes.end(), a.begin());
        out->ip = IpAddress::v6(a);
    }
    return true;
}

/// The heap and the answer records. Equal answers are stored once.
class Interner {
  public:
    std::uint32_t text(ByteView data) {
        const auto at = static_cast<std::uint32_t>(heap.size());
        heap.append(data);
        return at;
    }
    std::uint32_t answer(const PlanAnswer& a) {
        ByteWriter key;
        key.le(a.answers);
        key.le(a.authorities);
        key.le(a.rcode);
        key.append(a.wire);
        const auto [it, added] = known_.emplace(std::move(key.bytes()), count_);
        if (added) {
            ++count_;
            answers.le(text(a.wire));
            answers.le(static_cast<std::uint32_t>(a.wire.size()));
            answers.le(a.answers);
            answers.le(a.authorities);
            answers.le(a.rcode);
            answers.zeros(3);
        }
        return it->second;
    }
    ByteWriter heap, answers;

  private:
    std::map<Bytes, std::uint32_t> known_;
    std::uint32_t count_ = 0;
};

/// The settings in file order, for writing and reading. New ones go at the end.
template <class S>
auto setting_fields(S& s) {
    return std::array{&s.cache_bytes, &s.serve_stale_s,   &s.upstream_budget_ms, &s.max_inflight, &s.tcp_max_clients,
                      &s.tcp_idle_ms, &s.max_udp_payload, &s.query_log_sample,   &s.forward_test, &s.client_patience_ms,
                      &s.trust_ad};
}

/// Limits what a broken plan can make the resolver use.
void clamp_settings(PlanSettings& s) {
    s.cache_bytes = std::min<std::uint64_t>(s.cache_bytes, 16ull << 30);
    s.serve_stale_s = std::min<std::uint64_t>(s.serve_stale_s, std::uint64_t{7} * 86400);
    s.upstream_budget_ms = std::clamp<std::uint64_t>(s.upstream_budget_ms, 100, 30000);
    s.client_patience_ms = std::clamp<std::uint64_t>(s.client_patience_ms, 1000, 150000);
    s.max_inflight = std::clamp<std::uint64_t>(s.max_inflight, 16, 65536);
    s.tcp_max_clients = std::clamp<std::uint64_t>(s.tcp_max_clients, 1, 16384);
    s.tcp_idle_ms = std::clamp<std::uint64_t>(s.tcp_idle_ms, 100, 120000);
    s.max_udp_payload = std::clamp<std::uint64_t>(s.max_udp_payload, 512, 4096);
}

}  // namespace

std::string_view to_string(PlanFault fault) {
    switch (fault) {
        case PlanFault::kNone:
            return "none";
        case PlanFault::kMissing:
            return "missing";
        case PlanFault::kUnreadable:
            return "unreadable";
        case PlanFault::kTooShort:
            return "too_short";
        case PlanFault::kTooLarge:
            return "too_large";
        case PlanFault::kBadMagic:
            return "bad_magic";
        case PlanFault::kBadVersion:
            return "bad_version";
        case PlanFault::kBadSize:
            return "bad_size";
        case PlanFault::kBadChecksum:
            return "bad_checksum";
        case PlanFault::kBadSection:
            return "bad_section";
        case PlanFault::kBadRecord:
            return "bad_record";
        case PlanFault::kBadName:
            return "bad_name";
    }
    return "unknown";
}

Result<Bytes> serialize(const Plan& plan) {
    Interner shared;
    std::array<ByteWriter, kLastSection + 1> section;

    section[kIdentity].le(plan.generation);
    std::string boot = plan.boot_id;
    boot.resize(32, '0');
    section[kIdentity].append(as_bytes(boot));
    section[kIdentity].le(plan.created_wall_us);
    section[kIdentity].le(plan.membership);
    for (const auto* field : setting_fields(plan.settings))
        section[kSettings].le(*field);
    for (const auto& a : plan.listen)
        put_address(section[kListen], a.ip, 0, a.port);
    for (const auto& p : plan.allow)
        put_address(section[kAllow], p.ip, p.length, 0);
    for (const auto& u : plan.upstreams) {
        section[kUpstreams].le(u.id);
        put_address(section[kUpstreams], u.address.ip, 0, u.address.port);
    }
    for (std::uint32_t i = 0; i < plan.upstreams.size(); ++i) {
        const auto& scope = plan.upstreams[i].address.scope;
        if (scope[0] == 0) continue;
        section[kScopes].le(i);
        section[kScopes].append(as_bytes({scope.data(), scope.size()}));
    }
    for (const auto& l : plan.links) {
        section[kLinks].le(l.id);
        section[kLinks].le(shared.text(as_bytes(l.name)));
        section[kLinks].le(static_cast<std::uint32_t>(l.name.size()));
    }
    for (const auto& t : plan.targets) {
        section[kTargets].le(t.link);
        section[kTargets].le(static_cast<std::uint8_t>(t.state));
        section[kTargets].le(static_cast<std::uint8_t>(t.free ? kFlagFree : 0));
        section[kTargets].zeros(2);
        put_address(section[kTargets], t.address.ip, 0, t.address.port);
    }
    std::uint32_t rrset_count = 0;
    for (const auto& o : plan.owners) {
        if (!is_wire_name(o.name)) return fail(Code::kPlanInvalid, "an owner name is not lower-case wire format");
        ByteWriter& out = section[kOwners];
        out.le(shared.text(o.name));
        out.le(static_cast<std::uint16_t>(o.name.size()));
        out.le(static_cast<std::uint8_t>(o.ready ? kFlagReady : 0));
        out.zeros(1);
        out.le(o.link);
        out.le(o.verdicts_until);
        out.le(rrset_count);
        out.le(static_cast<std::uint32_t>(o.rrsets.size()));
        out.le(shared.answer(o.other));
        const auto explain = std::string_view(o.explain).substr(0, kMaxExplain);
        out.le(shared.text(as_bytes(explain)));
        out.le(static_cast<std::uint32_t>(explain.size()));
        out.zeros(4);
        rrset_count += static_cast<std::uint32_t>(o.rrsets.size());
        for (const auto& r : o.rrsets) {
            if (r.fresh.wire.size() > kMaxAnswerWire || r.stale.wire.size() > kMaxAnswerWire) {
                return fail(Code::kTooLarge, "an answer does not fit into a DNS message");
            }
            section[kRrsets].le(r.type);
            section[kRrsets].zeros(2);
            section[kRrsets].le(shared.answer(r.fresh));
            section[kRrsets].le(shared.answer(r.stale));
        }
    }
    std::swap(section[kAnswers], shared.answers);
    std::swap(section[kHeap], shared.heap);

    ByteWriter file;
    file.append(kMagic);
    file.le(kPlanVersion);
    file.le(kLastSection);
    file.zeros(16);
    std::uint64_t offset = kHeaderSize + kLastSection * kSectionEntrySize;
    for (std::uint32_t id = 1; id <= kLastSection; ++id) {
        file.le(id);
        file.zeros(4);
        file.le(offset);
        file.le(static_cast<std::uint64_t>(section[id].size()));
        offset += section[id].size();
    }
    if (offset > kMaxPlanBytes) {
        return fail(Code::kTooLarge, message("the plan would be {} bytes", offset),
                    message("fewer links or addresses; the limit is {}", kMaxPlanBytes));
    }
    for (std::uint32_t id = 1; id <= kLastSection; ++id)
        file.append(section[id].bytes());
    store_le(file.at(16), static_cast<std::uint64_t>(file.size()));
    store_le(file.at(kCrcOffset), file_crc(file.bytes()));
    return std::move(file.bytes());
}

namespace {

/// Checks the header, then reads the sections into a PlanView; each step returns false at the first bad record.
class Decoder {
  public:
    Decoder(ByteView file, PlanView& out) : file_(file), out_(out) {}

    PlanFault run() {
        if (const PlanFault f = open(); f != PlanFault::kNone) return f;
        if (!identity() || !addresses() || !links() || !targets() || !answers() || !rrsets())
            return PlanFault::kBadRecord;
        return owners();
    }

  private:
    PlanFault open() {
        if (file_.size() < kHeaderSize) return PlanFault::kTooShort;
        if (file_.size() > kMaxPlanBytes) return PlanFault::kTooLarge;
        ByteReader in(file_);
        const ByteView magic = in.take(8);
        if (!std::equal(magic.begin(), magic.end(), kMagic.begin())) return PlanFault::kBadMagic;
        const auto version = in.le<std::uint32_t>();
        const auto count = in.le<std::uint32_t>();
        const auto size = in.le<std::uint64_t>();
        const auto crc = in.le<std::uint64_t>();
        if (size != file_.size()) return PlanFault::kBadSize;
        if (crc != file_crc(file_)) return PlanFault::kBadChecksum;
        if (version != kPlanVersion) return PlanFault::kBadVersion;
        if (count > kMaxSections) return PlanFault::kBadSection;
        for (std::uint32_t i = 0; i < count; ++i) {
            const auto id = in.le<std::uint32_t>();
            in.take(4);
            const auto offset = in.le<std::uint64_t>();
            const auto length = in.le<std::uint64_t>();
            if (!in.ok() || offset > file_.size() || length > file_.size() - offset) return PlanFault::kBadSection;
            if (id >= 1 && id <= kLastSection) sections_[id] = file_.subspan(offset, length);
        }
        return PlanFault::kNone;
    }

    bool identity() {
        ByteReader in(sections_[kIdentity]);
        out_.generation = in.le<std::uint64_t>();
        out_.boot_id = std::string(as_text(in.take(32)));
        out_.created_wall_us = in.le<Micros>();
        out_.membership = in.le<std::uint64_t>();
        if (!in.ok()) return false;
        ByteReader settings(sections_[kSettings]);
        for (auto* field : setting_fields(out_.settings)) {
            if (settings.remaining() >= 8) *field = settings.le<std::uint64_t>();
        }
        clamp_settings(out_.settings);
        return true;
    }

    bool addresses() {
        RawAddress a;
        for (ByteReader in(sections_[kListen]); in.remaining() > 0;) {
            if (!get_address(in, &a)) return false;
            out_.listen.push_back({a.ip, a.port});
        }
        for (ByteReader in(sections_[kAllow]); in.remaining() > 0;) {
            if (!get_address(in, &a) || a.prefix_length > a.ip.size() * 8) return false;
            out_.allow.push_back({a.ip, a.prefix_length});
        }
        for (ByteReader in(sections_[kUpstreams]); in.remaining() > 0;) {
            const auto id = in.le<std::uint32_t>();
            if (!get_address(in, &a) || a.port == 0) return false;
            out_.upstreams.push_back({id, {a.ip, a.port}});
        }
        for (ByteReader in(sections_[kScopes]); in.remaining() > 0;) {
            const auto index = in.le<std::uint32_t>();
            const ByteView name = in.take(SocketAddress::Scope{}.size());
            if (!in.ok() || index >= out_.upstreams.size() || name.back() != 0) return false;
            std::copy(name.begin(), name.end(), out_.upstreams[index].address.scope.begin());
        }
        return true;
    }

    bool heap(std::uint32_t offset, std::uint32_t length, ByteView* out) {
        const ByteView all = sections_[kHeap];
        if (offset > all.size() || length > all.size() - offset) return false;
        *out = all.subspan(offset, length);
        return true;
    }

    bool links() {
        const ByteView all = sections_[kLinks];
        if (all.size() % kLinkSize != 0) return false;
        for (ByteReader in(all); in.remaining() > 0;) {
            PlanLink link;
            link.id = in.le<std::uint32_t>();
            const auto offset = in.le<std::uint32_t>();
            ByteView name;
            if (!heap(offset, in.le<std::uint32_t>(), &name) || name.size() > 256) return false;
            link.name = std::string(as_text(name));
            out_.links.push_back(std::move(link));
        }
        return true;
    }

    bool targets() {
        for (ByteReader in(sections_[kTargets]); in.remaining() > 0;) {
            PlanTarget target;
            target.link = in.le<std::uint32_t>();
            const std::uint8_t state = in.u8();
            target.free = (in.u8() & kFlagFree) != 0;
            in.take(2);
            RawAddress a;
            if (!get_address(in, &a) || target.link >= out_.links.size()) return false;
            target.address = {a.ip, a.port};
            // One that a later version has added: nothing is ended for it.
            target.state =
                state <= static_cast<std::uint8_t>(TargetState::kDrained) ? TargetState{state} : TargetState::kLeftOut;
            out_.targets.push_back(target);
        }
        return true;
    }

    bool answers() {
        const ByteView all = sections_[kAnswers];
        if (all.size() % kAnswerSize != 0) return false;
        answers_.reserve(all.size() / kAnswerSize);
        for (ByteReader in(all); in.remaining() > 0;) {
            AnswerView a;
            const auto offset = in.le<std::uint32_t>();
            const auto length = in.le<std::uint32_t>();
            a.answers = in.le<std::uint16_t>();
            a.authorities = in.le<std::uint16_t>();
            a.rcode = in.u8();
            in.take(3);
            if (length > kMaxAnswerWire || a.rcode > 15 || !heap(offset, length, &a.wire)) return false;
            answers_.push_back(a);
        }
        return true;
    }

    bool rrsets() {
        const ByteView all = sections_[kRrsets];
        if (all.size() % kRrsetSize != 0) return false;
        out_.rrsets.reserve(all.size() / kRrsetSize);
        for (ByteReader in(all); in.remaining() > 0;) {
            RrsetView r;
            r.type = in.le<std::uint16_t>();
            in.take(2);
            const auto fresh = in.le<std::uint32_t>();
            const auto stale = in.le<std::uint32_t>();
            if (fresh >= answers_.size() || stale >= answers_.size()) return false;
            r.fresh = answers_[fresh];
            r.stale = answers_[stale];
            out_.rrsets.push_back(r);
        }
        return true;
    }

    PlanFault owners() {
        const ByteView all = sections_[kOwners];
        if (all.size() % kOwnerSize != 0) return PlanFault::kBadRecord;
        out_.owners.reserve(all.size() / kOwnerSize);
        for (ByteReader in(all); in.remaining() > 0;) {
            OwnerView o;
            const auto name_at = in.le<std::uint32_t>();
            const auto name_length = in.le<std::uint16_t>();
            o.ready = (in.u8() & kFlagReady) != 0;
            in.take(1);
            o.link = in.le<std::uint32_t>();
            o.verdicts_until = in.le<Micros>();
            o.first_rrset = in.le<std::uint32_t>();
            o.rrset_count = in.le<std::uint32_t>();
            const auto other = in.le<std::uint32_t>();
            const auto explain_at = in.le<std::uint32_t>();
            const auto explain_length = in.le<std::uint32_t>();
            in.take(4);
            ByteView explain;
            if (!in.ok() || !heap(name_at, name_length, &o.name) || !heap(explain_at, explain_length, &explain) ||
                explain_length > kMaxExplain || other >= answers_.size() || o.link >= out_.links.size() ||
                o.first_rrset > out_.rrsets.size() || o.rrset_count > out_.rrsets.size() - o.first_rrset) {
                return PlanFault::kBadRecord;
            }
            if (!is_wire_name(o.name)) return PlanFault::kBadName;
            o.other = answers_[other];
            o.explain = as_text(explain);
            out_.owners.push_back(o);
        }
        return PlanFault::kNone;
    }

    ByteView file_;
    PlanView& out_;
    std::array<ByteView, kLastSection + 1> sections_{};
    std::vector<AnswerView> answers_;
};

}  // namespace

tl::expected<PlanView, PlanFault> PlanView::parse(Bytes file) {
    PlanView view;
    view.file_ = std::move(file);  // a moved vector keeps its storage, so the views stay valid
    const PlanFault fault = Decoder(view.file_, view).run();
    if (fault != PlanFault::kNone) return tl::unexpected(fault);
    return view;
}

tl::expected<PlanView, PlanFault> PlanView::load(const std::string& path) {
    const auto text = read_file(path, kMaxPlanBytes);
    if (!text) {
        switch (text.error().code) {
            case Code::kFileMissing:
                return tl::unexpected(PlanFault::kMissing);
            case Code::kTooLarge:
                return tl::unexpected(PlanFault::kTooLarge);
            default:
                return tl::unexpected(PlanFault::kUnreadable);
        }
    }
    const ByteView bytes = as_bytes(*text);
    return parse(Bytes(bytes.begin(), bytes.end()));
}

}  // namespace postern::core
