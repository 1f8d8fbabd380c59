// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/zone_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "agent/publish/zone_records.h"
#include "core/text.h"

namespace postern::agent::publish {
namespace {

using core::Micros;
using Kind = Step::Kind;

constexpr Micros kClocksDiffer = kBetweenChanges;  // a change that seems to be later than now
constexpr int kNoteTtl = 30;

bool is_address(const ZoneRecord& r) {
    return r.type == "A" || r.type == "AAAA";
}
bool is_ours(const ZoneRecord& r) {
    return r.remark == kMark;
}
bool same_place(const ZoneRecord& a, const ZoneRecord& b) {
    return std::tie(a.rr, a.type, a.value, a.line) == std::tie(b.rr, b.type, b.value, b.line);
}
std::string named(const BoundVpc& vpc) {
    return vpc.vpc;
}

/// The differences of the name's own records.
struct Difference {
    std::vector<Step> adds, updates, deletes;
    bool any() const { return !adds.empty() || !updates.empty() || !deletes.empty(); }
};

Difference difference(const std::vector<ZoneRecord>& wanted, const PrivateZone* there,
                      std::vector<core::Message>& remarks) {
    Difference out;
    std::vector<const ZoneRecord*> ours;
    if (there != nullptr) {
        for (const auto& r : there->records) {
            if (is_ours(r) && r.rr == kApex && is_address(r)) ours.push_back(&r);
        }
    }
    std::vector<const ZoneRecord*> kept;
    for (const auto& want : wanted) {
        const auto at = std::find_if(ours.begin(), ours.end(), [&](const auto* r) { return same_place(*r, want); });
        if (at == ours.end()) {
            out.adds.push_back({Kind::kAdd, want});
            continue;
        }
        const ZoneRecord& have = **at;
        kept.push_back(&have);
        if (!have.enabled)
            remarks.push_back(core::message("{} is paused: somebody did that, and it stays so", describe(have)));
        if (have.ttl_s == want.ttl_s) continue;
        ZoneRecord changed = have;
        changed.ttl_s = want.ttl_s;
        out.updates.push_back({Kind::kUpdate, std::move(changed)});
    }
    for (const ZoneRecord* r : ours) {
        if (std::find(kept.begin(), kept.end(), r) == kept.end()) out.deletes.push_back({Kind::kDelete, *r});
    }
    return out;
}

/// Whether a record that is wanted will answer: it is new, or nobody paused it.
bool will_answer(const ZoneRecord& want, const PrivateZone* there) {
    if (want.line != kDefaultLine) return false;
    if (there == nullptr) return true;
    return std::none_of(there->records.begin(), there->records.end(),
                        [&](const ZoneRecord& r) { return is_ours(r) && same_place(r, want) && !r.enabled; });
}

/// Takes out the deletions that would leave the name, or a family (A, AAAA) of it, without an answer: where all that is
/// wanted is paused.
void keep_the_last(Difference& changes, const std::vector<ZoneRecord>& wanted, const PrivateZone* there,
                   std::vector<core::Message>& remarks) {
    const auto answered = [&](const char* type) {
        return std::any_of(wanted.begin(), wanted.end(),
                           [&](const ZoneRecord& want) { return want.type == type && will_answer(want, there); });
    };
    const bool any = answered("A") || answered("AAAA");
    for (const char* type : {"A", "AAAA"}) {
        const bool wants =
            std::any_of(wanted.begin(), wanted.end(), [&](const ZoneRecord& want) { return want.type == type; });
        if (answered(type) || (any && !wants)) continue;
        const auto kept = std::erase_if(changes.deletes, [&](const Step& s) {
            return s.record.type == type && s.record.line == kDefaultLine && s.record.enabled;
        });
        if (kept > 0)
            remarks.push_back(core::message("old {} records stay: all of the new ones are paused", std::string(type)));
    }
}

const ZoneRecord* foreign_record(const PrivateZone& zone) {
    for (const auto& r : zone.records) {
        if (r.rr == kApex && !is_ours(r) && (is_address(r) || r.type == "CNAME")) return &r;
    }
    return nullptr;
}

/// The publishers' notes in a zone, our own apart.
struct Notes {
    const ZoneRecord* own_record = nullptr;
    std::optional<Note> own;
    std::vector<Note> others;

    Notes(const PrivateZone* zone, const std::string& publisher) {
        if (zone == nullptr) return;
        for (const auto& r : zone->records) {
            auto note = note_in(r);
            if (!note) continue;
            if (note->publisher != publisher) {
                others.push_back(std::move(*note));
            } else if (!own) {
                own_record = &r;
                own = std::move(note);
            }
        }
    }

    /// The last change of whoever changed last; nullptr for none.
    const Note* last_change(Micros now) const {
        const Note* last = nullptr;
        const auto look = [&](const Note& note) {
            const bool told = !note.did.empty() && note.changed_wall_us <= now + kClocksDiffer;
            if (told && (last == nullptr || note.changed_wall_us > last->changed_wall_us)) last = &note;
        };
        if (own) look(*own);
        for (const auto& note : others)
            look(note);
        return last;
    }
};

Step note_step(const Notes& notes, const Note& note) {
    ZoneRecord record{.rr = std::string(kNoteRr),
                      .type = "TXT",
                      .value = format_note(note),
                      .ttl_s = kNoteTtl,
                      .remark = std::string(kMark)};
    if (notes.own_record != nullptr) record.id = notes.own_record->id;
    return {Kind::kNote, std::move(record)};
}

std::vector<BoundVpc> with(const std::vector<BoundVpc>& bound, const std::vector<BoundVpc>& wished) {
    std::vector<BoundVpc> out = bound;
    for (const auto& vpc : wished) {
        if (std::none_of(out.begin(), out.end(), [&](const auto& b) { return b.vpc == vpc.vpc; })) out.push_back(vpc);
    }
    return out;
}

void append(std::vector<Step>& to, const std::vector<Step>& steps) {
    to.insert(to.end(), steps.begin(), steps.end());
}

}  // namespace

bool ZonePlan::changes() const {
    return left != Left::kNothing ||
           std::any_of(steps.begin(), steps.end(), [](const Step& s) { return s.kind != Kind::kNote; });
}

ZonePlan plan_zone(const NameWish& wish, const PrivateZone* there, bool made_here, Micros now) {
    ZonePlan out;
    if (wish.addresses.empty()) {
        out.left = ZonePlan::Left::kNoAddress;
        out.why = core::message("no address of {} is known: nothing is changed", wish.host);
        return out;
    }
    if (there != nullptr) {
        if (const ZoneRecord* foreign = foreign_record(*there)) {
            out.left = ZonePlan::Left::kForeignRecord;
            out.why = core::message(
                "zone {} ({}) has a record that postern did not make: {}; left as it is: delete that record, or leave the "
                "name to whoever made it",
                there->name, there->id, describe(*foreign));
            return out;
        }
    }
    const bool lines = wish.zone_lines && (there == nullptr || there->fast);
    if (wish.zone_lines && !lines)
        out.remarks.push_back(
            core::message("zone {} is a NORMAL_ZONE: it has no lines, and its answers are cached", there->id));
    const auto wanted = wanted_records(wish.addresses, lines, wish.ttl_s);
    const std::string mine = fingerprint(wanted);
    Difference changes = difference(wanted, there, out.remarks);
    keep_the_last(changes, wanted, there, out.remarks);

    if (there == nullptr) out.steps.push_back({Kind::kMakeZone});
    if (there == nullptr || (made_here && !there->ours())) out.steps.push_back({Kind::kMarkZone});

    const Notes notes(there, wish.publisher);
    const Note* last = notes.last_change(now);
    const bool begun = last != nullptr && last->did == mine && now - last->changed_wall_us < kChangeTime;
    std::vector<std::string> against;
    for (const auto& note : notes.others) {
        if (is_fresh(note, now) && note.wants != mine) against.push_back(note.publisher);
    }
    if (changes.any() && !against.empty()) {
        out.left = ZonePlan::Left::kDisagreement;
        out.why = core::message(
            "{} would have other records of {}: left as it is until all publishers want the same, or the other has not "
            "looked for {} minutes",
            core::joined(against), wish.host, kNoteFresh / core::kMinute);
    } else if (changes.any() && last != nullptr && !begun && now - last->changed_wall_us < kBetweenChanges) {
        out.left = ZonePlan::Left::kTooSoon;
        out.wait_us = std::min(kBetweenChanges, last->changed_wall_us + kBetweenChanges - now);
        out.why = core::message("{} was changed less than {} s ago: again in {} s", wish.host,
                                kBetweenChanges / core::kSecond, (out.wait_us + core::kSecond - 1) / core::kSecond);
    }
    const bool acts = changes.any() && out.left == ZonePlan::Left::kNothing;

    Note note = notes.own.value_or(Note{wish.publisher, "", 0, "", 0});
    const bool own_begun =
        note.did == mine && note.changed_wall_us <= now + kClocksDiffer && now - note.changed_wall_us < kChangeTime;
    const bool outdated =
        !notes.own || note.wants != mine || !is_fresh(note, now) || now - note.written_wall_us > kNoteFresh / 2;
    if (outdated || (acts && !own_begun)) {
        note.wants = mine;
        note.written_wall_us = now;
        if (acts && !own_begun) {
            note.did = mine;
            note.changed_wall_us = now;
        }
        out.steps.push_back(note_step(notes, note));
    }
    if (!acts && out.left != ZonePlan::Left::kNothing) return out;
    append(out.steps, changes.adds);
    append(out.steps, changes.updates);
    const auto bound = there == nullptr ? std::vector<BoundVpc>() : there->vpcs;
    if (const auto all = with(bound, wish.vpcs); all.size() != bound.size())
        out.steps.push_back({Kind::kBind, {}, all});
    append(out.steps, changes.deletes);
    return out;
}

ZonePlan plan_undo(const std::vector<BoundVpc>& vpcs, const PrivateZone* there) {
    ZonePlan out;
    if (there == nullptr) return out;
    std::vector<Step> deletes;
    std::size_t foreign = 0;
    for (const auto& r : there->records) {
        if (is_ours(r)) {
            deletes.push_back({Kind::kDelete, r});
        } else {
            ++foreign;
        }
    }
    // Notes last: until then another publisher sees whose the records are.
    std::stable_partition(deletes.begin(), deletes.end(), [](const Step& s) { return s.record.rr != kNoteRr; });
    std::vector<BoundVpc> others;
    for (const auto& bound : there->vpcs) {
        if (std::none_of(vpcs.begin(), vpcs.end(), [&](const auto& vpc) { return vpc.vpc == bound.vpc; }))
            others.push_back(bound);
    }
    core::Message stays;
    if (!there->ours()) core::add_sentence(stays, "postern did not make it");
    if (foreign > 0) core::add_sentence(stays, core::message("{} records of others are in it", foreign));
    if (!others.empty()) core::add_sentence(stays, core::message("it is bound to {}", core::joined(others, named)));
    // Without its records the zone would hide nothing, but it is ours to take away: the VPCs first, so that none sees half.
    if (there->ours() && foreign == 0 && others.size() != there->vpcs.size())
        out.steps.push_back({Kind::kBind, {}, others});
    append(out.steps, deletes);
    if (stays.empty()) {
        out.steps.push_back({Kind::kRemoveZone});
    } else {
        out.left = ZonePlan::Left::kZoneStays;
        out.why = core::message("zone {} ({}) stays: {}", there->name, there->id, stays);
    }
    return out;
}

std::string_view to_string(Step::Kind kind) {
    switch (kind) {
        case Kind::kMakeZone:
            return "make_zone";
        case Kind::kMarkZone:
            return "mark_zone";
        case Kind::kNote:
            return "note";
        case Kind::kAdd:
            return "add";
        case Kind::kUpdate:
            return "update";
        case Kind::kBind:
            return "bind";
        case Kind::kDelete:
            return "delete";
        case Kind::kRemoveZone:
            return "remove_zone";
    }
    return "";
}

core::Message describe(const Step& step, const std::string& host) {
    switch (step.kind) {
        case Kind::kMakeZone:
            return core::message("make the zone {} (FAST_ZONE; names below it go on to the VPC's resolver)", host);
        case Kind::kMarkZone:
            return "mark the zone as postern's";
        case Kind::kNote:
            return "leave this publisher's note";
        case Kind::kAdd:
            return core::message("add {}", describe(step.record));
        case Kind::kUpdate:
            return core::message("change to {}", describe(step.record));
        case Kind::kBind:
            return step.vpcs.empty() ? "unbind the VPC"
                                     : core::message("bind the zone to exactly {}", core::joined(step.vpcs, named));
        case Kind::kDelete:
            return step.record.rr == kNoteRr ? "delete a publisher's note"
                                             : core::message("delete {}", describe(step.record));
        case Kind::kRemoveZone:
            return core::message("delete the zone {}", host);
    }
    return "";
}

std::string_view to_string(ZonePlan::Left left) {
    switch (left) {
        case ZonePlan::Left::kNothing:
            return "";
        case ZonePlan::Left::kNoAddress:
            return "no_address";
        case ZonePlan::Left::kForeignRecord:
            return "foreign_record";
        case ZonePlan::Left::kDisagreement:
            return "disagreement";
        case ZonePlan::Left::kTooSoon:
            return "too_soon";
        case ZonePlan::Left::kZoneStays:
            return "zone_stays";
    }
    return "";
}

}  // namespace postern::agent::publish
