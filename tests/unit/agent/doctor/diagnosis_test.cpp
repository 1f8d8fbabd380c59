// SPDX-License-Identifier: Apache-2.0
// The fault matrix: a world in which all is well, broken in one place (or two), and what doctor makes of it: the code, whose
// it is, and the command that repairs it.
#include "agent/doctor/diagnosis.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "agent/doctor/report.h"
#include "core/text.h"
#include "tests/unit/agent/doctor/matrix_faults.h"
#include "tests/unit/agent/doctor/matrix_healthy.h"
#include "tests/unit/catch.h"

namespace postern::agent::doctor {
namespace {

std::string codes(const Findings& all, State state) {
    std::set<std::string> out;
    for (const auto& f : all) {
        if (f.state == state) out.insert(f.code);
    }
    return core::joined(out, ",");
}

const Single& fault(std::string_view what) {
    for (const Single& f : single_faults()) {
        if (f.what == what) return f;
    }
    FAIL("no such fault: " << what);
    return single_faults()[0];
}

}  // namespace

TEST_CASE("doctor: the matrix of single faults: the code, whose it is, and the command that repairs it", "[doctor]") {
    REQUIRE(single_faults().size() >= 120);
    WARN(single_faults().size() << " single faults, " << fault_pairs().size() << " pairs, " << std::size(kHealthy)
                                << " healthy worlds");
    std::set<std::string> names;
    for (const Single& f : single_faults()) {
        INFO(f.what);
        CHECK(names.insert(f.what).second);
        World world;
        f.breaks(world);
        const Findings all = diagnose(world, kNow);
        CHECK(codes(all, State::kFail) == f.fails);
        CHECK(codes(all, State::kWarn) == f.warns);
        CHECK(overall_of(all) == (*f.fails != '\0' ? Overall::kFailed : Overall::kDegraded));
        const std::string first = *f.fails != '\0' ? f.fails : f.warns;
        for (const Finding& finding : all) {
            if (finding.code != first || finding.state == State::kSkip) continue;
            CHECK(find_code(finding.code)->owner == f.owner);
            for (const auto language : {Language::kEnglish, Language::kChinese}) {
                const auto& words = Catalogue::in(language);
                const std::string command = core::joined(words.command_of(finding.code, finding.values), " ");
                if (*f.command == '\0')
                    CHECK(command.empty());
                else
                    CHECK(command.starts_with(f.command));
                for (const char* part : {"cause", "expected", "verify"}) {
                    const std::string text = words.of(finding.code, part, finding.values);
                    CHECK_FALSE(text.empty());
                    CHECK(text.find('\x1f') == text.npos);
                }
            }
        }
    }
}

TEST_CASE("doctor: what this host lacks is one finding, however many addresses and steps met it", "[doctor]") {
    World world;
    fault("no free port for anything").breaks(world);
    const Findings all = diagnose(world, kNow);
    CHECK(std::count_if(all.begin(), all.end(), [](const auto& f) { return f.state == State::kFail; }) == 1);
}

TEST_CASE("doctor: two faults are two", "[doctor]") {
    REQUIRE(fault_pairs().size() >= 30);
    for (const auto& [one, other] : fault_pairs()) {
        INFO(one << " and " << other);
        World world;
        fault(one).breaks(world);
        fault(other).breaks(world);
        const Findings all = diagnose(world, kNow);
        std::set<std::string> fails, warns;
        for (const char* name : {one, other}) {
            if (*fault(name).fails != '\0') fails.insert(fault(name).fails);
            if (*fault(name).warns != '\0') warns.insert(fault(name).warns);
        }
        CHECK(codes(all, State::kFail) == core::joined(fails, ","));
        CHECK(codes(all, State::kWarn) == core::joined(warns, ","));
    }
}

TEST_CASE("doctor: nothing is found where all is well", "[doctor]") {
    static_assert(std::size(kHealthy) >= 16);
    for (const auto& [what, sets_up] : kHealthy) {
        INFO(what);
        World world;
        sets_up(world);
        const Findings all = diagnose(world, kNow);
        CHECK(codes(all, State::kFail).empty());
        CHECK(codes(all, State::kWarn).empty());
        CHECK(overall_of(all) == Overall::kGood);
    }
}

TEST_CASE("doctor: what was not looked at is not good", "[doctor]") {
    const Findings healthy = diagnose(World(), kNow);
    const auto without = [&](auto drop) {
        World world;
        drop(world);
        return overall_of(diagnose(world, kNow));
    };
    CHECK(without([](World& w) { w.paths.reset(); }) == Overall::kUnknown);
    CHECK(without([](World& w) { w.agent.reset(); }) == Overall::kUnknown);
    CHECK(without([](World& w) { w.dns.reset(); }) == Overall::kUnknown);
    CHECK(without([](World& w) { w.host.reset(); }) == Overall::kUnknown);
    CHECK(without([](World& w) {
              w.config.root = false;
              w.config.tokens = {{"prod", {Code::kPermission, "denied", "/t", EACCES}}};
              w.both(Reason::kTokenMissing, Phase::kSql);
          }) == Overall::kUnknown);
    CHECK(overall_of({}) == Overall::kUnknown);
    // --only and --skip: what they leave out counts.
    World world;
    fault("401").breaks(world);
    Findings told, left_out;
    for (const Finding& f : diagnose(world, kNow))
        (f.step == Step::kConfig || f.step == Step::kTcp ? told : left_out).push_back(f);
    CHECK(overall_of(told, left_out) == Overall::kUnknown);
    const auto& words = Catalogue::in(Language::kEnglish);
    CHECK(verdict_text(told, words, Paint(false), left_out).find("PN-HTTP-401") != std::string::npos);
    told.clear(), left_out.clear();
    for (const Finding& f : healthy)
        (f.step == Step::kConfig ? told : left_out).push_back(f);
    CHECK(overall_of(told, left_out) == Overall::kGood);
}

}  // namespace postern::agent::doctor
