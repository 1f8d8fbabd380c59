// SPDX-License-Identifier: Apache-2.0
#include "agent/fleet/publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "agent/endpoint/provider.h"

namespace postern::agent {
namespace {

using core::Code;

constexpr int kMaxSteps = 64;         // requests of one publication: what does not end by then is a fight
constexpr std::uint64_t kSkips = 16;  // broken objects in the way

}  // namespace

std::string generation_name(std::uint64_t generation) {
    return fmt::format("{:020}.json", generation);
}

struct Publisher::State : std::enable_shared_from_this<State> {
    core::Clock& clock;
    ObjectStore& store;
    PublishPlan plan;
    std::vector<PublicKey> trusted;

    // Of the publication under way.
    Answers answers;
    Done done;
    std::optional<FleetList> base;  // the newest list that is known to be in the store
    std::string base_bytes;
    bool base_is_current = false;
    std::uint64_t next = 0;  // the generation to be tried
    std::uint64_t skipped = 0;
    int steps = 0;
    std::uint64_t floor = 0;  // the newest that this publisher has seen: a store that goes back must not take it along
    Published out;

    State(core::Clock& c, ObjectStore& s, PublishPlan p) : clock(c), store(s) { use(std::move(p)); }

    void use(PublishPlan p) {
        if (p.current.text() != plan.current.text() || p.fleet != plan.fleet) floor = 0;
        plan = std::move(p);
        trusted = plan.trusted;
        for (const auto& key : plan.keys)
            trusted.push_back(key.public_key());
    }

    void finish(core::Result<Published> result) {
        if (result && !plan.dry_run) floor = std::max(floor, result->list.number.generation);
        const auto tell = std::exchange(done, {});
        if (tell) tell(std::move(result));
    }
    void fail(core::Error error) { finish(core::fail(std::move(error))); }

    bool out_of_steps() {
        if (++steps <= kMaxSteps) return false;
        fail({Code::kRefused, core::message("{} changes all the time", plan.current.text()),
              "do too many publishers write it?", 0});
        return true;
    }
    void get(const ObjectPlace& place, std::function<void(State&, core::Result<StoredObject>)> then) {
        if (out_of_steps()) return;
        store.get(place, "", kMaxListBytes,
                  [weak = weak_from_this(), then = std::move(then)](core::Result<StoredObject> object) {
                      if (const auto self = weak.lock()) then(*self, std::move(object));
                  });
    }
    void put(const ObjectPlace& place, const std::string& bytes, ObjectStore::Put how,
             std::function<void(State&, core::Result<StoredAs>)> then) {
        if (out_of_steps()) return;
        store.put(place, bytes, how, [weak = weak_from_this(), then = std::move(then)](core::Result<StoredAs> as) {
            if (const auto self = weak.lock()) then(*self, std::move(as));
        });
    }
    ObjectPlace place_of(std::uint64_t generation) const { return beside(plan.current, generation_name(generation)); }

    // 1. What readers find now.
    void read_current() {
        get(plan.current, [](State& s, core::Result<StoredObject> object) {
            if (object) return s.found_current(std::move(*object));
            if (object.error().code != Code::kApiNotFound) return s.fail(object.error());
            s.begin_at(std::nullopt, "");
        });
    }
    void found_current(StoredObject object) {
        auto list = open_list(object.bytes, trusted, plan.fleet);
        if (list) return begin_at(std::move(*list), std::move(object.bytes));
        if (plan.replace) return begin_at(std::nullopt, "");
        fail({Code::kRefused,
              core::message("what is at {} is not written over ({}): {}", plan.current.text(),
                            to_string(list.error().problem), list.error().detail),
              "if it is this fleet's place: name the other publisher's key in list_keys, or give --replace", 0});
    }
    /// No list: numbers begin with the time, so that they are above those of a list that is gone.
    void begin_at(std::optional<FleetList> list, std::string bytes) {
        base = std::move(list);
        base_bytes = std::move(bytes);
        base_is_current = base.has_value();
        next = base ? base->number.generation + 1 : static_cast<std::uint64_t>(clock.wall_us() / core::kSecond);
        next = std::max(next, floor + 1);
        skipped = 0;
        look_ahead();
    }

    // 2. A generation ahead of it, by a publisher that died, or that is at work.
    void look_ahead() {
        get(place_of(next), [](State& s, core::Result<StoredObject> object) {
            if (object) return s.found_next(std::move(*object));
            if (object.error().code != Code::kApiNotFound) return s.fail(object.error());
            s.compose();
        });
    }
    void found_next(StoredObject object) {
        auto list = open_list(object.bytes, trusted, plan.fleet);
        if (list && list->number.generation == next) {
            base = std::move(*list);
            base_bytes = std::move(object.bytes);
            base_is_current = false;
            ++next;
        } else {  // broken, or foreign: that number is lost
            ++next;
            if (++skipped > kSkips)
                return fail({Code::kRefused,
                             core::message("the objects beside {} are not of this fleet", plan.current.text()),
                             "give the list a folder of its own", 0});
        }
        look_ahead();
    }

    // 3. What the next one says.
    void compose() {
        FleetList list;
        list.fleet = plan.fleet;
        list.publisher = plan.publisher;
        list.number = {next, clock.wall_us()};
        list.not_after_wall_us = clock.wall_us() + plan.validity_us;
        out = {};
        for (const auto& [key, answer] : answers) {
            if (answer) {
                list.endpoints.emplace(key, as_listed(*answer, clock.wall_us()));
                continue;
            }
            // Not answered, whatever the reason: hosts keep what they have, and so does the list.
            const bool known = base && base->endpoints.count(key) != 0;
            if (known) list.endpoints.emplace(key, base->endpoints.at(key));
            (known ? out.kept : out.missing).push_back(key);
        }
        if (list.endpoints.empty())
            return fail({Code::kApiNotFound, "there is nothing to publish: no source of addresses was answered",
                         "the list stays as it is", 0});
        if (list.endpoints.size() > kMaxListedEndpoints)
            return fail(
                {Code::kTooLarge,
                 core::message("{} endpoints are more than a list has: {}", list.endpoints.size(), kMaxListedEndpoints),
                 "publish several lists", 0});
        if (base && !due(list)) {
            out.list = *base;
            out.bytes = base_bytes;
            return base_is_current || plan.dry_run ? finish(std::move(out)) : put_current(false);
        }
        out.bytes = sign_list(format_list(list), plan.keys);
        if (const auto readable = open_list(out.bytes, trusted, plan.fleet); !readable)
            return fail({Code::kInternal,
                         core::message("this list would be refused by its readers: {}", readable.error().detail),
                         "the list stays as it is", 0});
        out.list = std::move(list);
        if (plan.dry_run) return finish(std::move(out));
        put_generation();
    }
    /// Something has changed, or it is time for a sign of life.
    bool due(const FleetList& list) const {
        const Micros now = clock.wall_us();
        return !same_addresses(list, *base) || base->number.generation < floor ||
               base->age(now) >= plan.validity_us / kHeartbeats ||
               base->not_after_wall_us - now < plan.validity_us / 2 || base->number.written_wall_us > now;
    }

    // 4. The generation, which nobody may have written; then current.
    void put_generation() {
        put(place_of(next), out.bytes, ObjectStore::Put::kOnlyNew, [](State& s, core::Result<StoredAs> as) {
            if (!as) return s.fail(as.error());
            s.out.versioned = as->versioned;
            if (as->exists || as->versioned) return s.read_back();
            s.put_current(true);
        });
    }
    /// Somebody was first, or this very request was sent twice; or the store would not have said.
    void read_back() {
        get(place_of(next), [](State& s, core::Result<StoredObject> object) {
            if (!object) return s.fail(object.error());
            if (object->bytes == s.out.bytes) return s.put_current(true);
            s.found_next(std::move(*object));
        });
    }
    void put_current(bool written) {
        out.written = out.written || written;
        put(plan.current, out.bytes, ObjectStore::Put::kReplace, [](State& s, core::Result<StoredAs> as) {
            if (!as) return s.fail(as.error());
            s.look_after();
        });
    }

    // 5. Whether a later one was put back by this one; and what readers find.
    void look_after() {
        get(place_of(out.list.number.generation + 1), [](State& s, core::Result<StoredObject> object) {
            if (!object && object.error().code != Code::kApiNotFound) return s.fail(object.error());
            if (object) {
                auto later = open_list(object->bytes, s.trusted, s.plan.fleet);
                if (later && later->number.generation == s.out.list.number.generation + 1) {
                    s.out.list = std::move(*later);
                    s.out.bytes = std::move(object->bytes);
                    return s.put_current(false);
                }
            }
            s.check();
        });
    }
    void check() {
        get(plan.current, [](State& s, core::Result<StoredObject> object) {
            if (!object) return s.fail(object.error());
            const auto list = open_list(object->bytes, s.trusted, s.plan.fleet);
            if (!list || list->number < s.out.list.number) return s.read_current();
            s.finish(std::move(s.out));
        });
    }
};

Publisher::Publisher(core::Clock& clock, ObjectStore& store, PublishPlan plan)
    : state_(std::make_shared<State>(clock, store, std::move(plan))) {}

Publisher::~Publisher() = default;

void Publisher::use(PublishPlan plan) {
    state_->use(std::move(plan));
}

void Publisher::publish(Answers answers, Done done) {
    state_->answers = std::move(answers);
    state_->done = std::move(done);
    state_->steps = 0;
    state_->read_current();
}

}  // namespace postern::agent
