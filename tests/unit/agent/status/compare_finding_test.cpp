// SPDX-License-Identifier: Apache-2.0
// The finding for each combination of the two paths, as a table; and when there is none.
#include "agent/status/compare_finding.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using probe::Reason;
using probe::State;

namespace {

CompareStatus compared(PrivateView view, Reason reason, bool reached_before = true) {
    CompareStatus s;
    s.host = "gw.example.com";
    s.at_wall_us = 1;
    s.fresh = true;
    s.view = view;
    s.reached_before = reached_before;
    s.last.emplace();
    s.last->ok = reason == Reason::kNone;
    s.last->reason = reason;
    return s;
}

Comparison finding_of(CompareStatus s) {
    judge_comparison(s);
    INFO(s.text);
    CHECK_FALSE(s.text.empty());
    return s.finding;
}

}  // namespace

TEST_CASE("compare: the finding follows from both sides", "[compare]") {
    struct Row {
        PrivateView view;
        Reason reason;
        Comparison finding;
    };
    const std::vector<Row> rows{
        {PrivateView::kWorks, Reason::kNone, Comparison::kBothWork},
        {PrivateView::kWorks, Reason::kTokenMissing, Comparison::kBothWork},
        {PrivateView::kWorks, Reason::kTcpTimeout, Comparison::kPublicFails},
        {PrivateView::kWorks, Reason::kSqlUnavailable, Comparison::kPublicFails},
        {PrivateView::kPathDown, Reason::kNone, Comparison::kPrivatelinkBroken},
        {PrivateView::kPathDown, Reason::kTokenMissing, Comparison::kPrivatelinkBroken},
        {PrivateView::kPathDown, Reason::kHttpStatus5xx, Comparison::kServiceDown},
        {PrivateView::kPathDown, Reason::kTcpTimeout, Comparison::kNeitherReached},
        {PrivateView::kPathDown, Reason::kCertNameMismatch, Comparison::kNeitherReached},
        {PrivateView::kServiceDown, Reason::kNone, Comparison::kPrivateGatewayFails},
        {PrivateView::kServiceDown, Reason::kSqlUnavailable, Comparison::kServiceDown},
        {PrivateView::kServiceDown, Reason::kTcpTimeout, Comparison::kUnknown},
        {PrivateView::kUnknown, Reason::kNone, Comparison::kUnknown},
        {PrivateView::kPathDown, Reason::kLocalFdLimit, Comparison::kUnknown},
    };
    for (const Row& row : rows) {
        INFO(static_cast<int>(row.view) << " and " << to_string(row.reason));
        CHECK(to_string(finding_of(compared(row.view, row.reason))) == to_string(row.finding));
    }
}

TEST_CASE("compare: a host without a way to the internet is no finding", "[compare]") {
    CHECK(finding_of(compared(PrivateView::kPathDown, Reason::kTcpTimeout, false)) == Comparison::kUnknown);
    CompareStatus s = compared(PrivateView::kPathDown, Reason::kNone, false);
    s.last.reset();
    s.lookup_error = core::Error{core::Code::kDnsFailed, "no such name", "", 0};
    CHECK(finding_of(s) == Comparison::kUnknown);
    s.reached_before = true;
    CHECK(finding_of(s) == Comparison::kNeitherReached);
    s.view = PrivateView::kWorks;
    CHECK(finding_of(s) == Comparison::kPublicFails);
}

TEST_CASE("compare: what was seen before the private side turned explains nothing", "[compare]") {
    for (const PrivateView view : {PrivateView::kPathDown, PrivateView::kServiceDown}) {
        CompareStatus s = compared(view, Reason::kNone);
        s.fresh = false;
        CHECK(finding_of(s) == Comparison::kUnknown);
    }
    CompareStatus s = compared(PrivateView::kWorks, Reason::kSqlUnavailable);
    s.fresh = false;
    CHECK(finding_of(s) == Comparison::kUnknown);
    s.last->ok = true;
    s.last->reason = Reason::kNone;
    CHECK(finding_of(s) == Comparison::kBothWork);
    s.at_wall_us = 0;
    CHECK(finding_of(s) == Comparison::kUnknown);
}

TEST_CASE("compare: what the private path gains is reported as it is, also a loss", "[compare]") {
    CompareStatus s = compared(PrivateView::kWorks, Reason::kNone);
    judge_comparison(s);
    CHECK(s.text == "both work");
    s.private_median_us = 3100;
    s.public_median_us = 12400;
    judge_comparison(s);
    CHECK(s.text == "median 3.1 ms, over the public gateway 12.4 ms: the private path saves 9.3 ms");
    s.public_median_us = 3000;
    judge_comparison(s);
    CHECK(s.text == "median 3.1 ms, over the public gateway 3.0 ms: the private path costs 0.1 ms");
}

TEST_CASE("compare: the private side is all addresses together", "[compare]") {
    const probe::Verdict up{State::kUp, State::kUp}, slow{State::kUp, State::kDegraded},
        no_path{State::kDown, State::kUnknown}, no_service{State::kUp, State::kDown}, nothing{},
        no_token{State::kUp, State::kUnknown};
    CHECK(private_view({}, true) == PrivateView::kUnknown);
    CHECK(private_view({no_path, up}, true) == PrivateView::kWorks);
    CHECK(private_view({no_path, slow}, true) == PrivateView::kWorks);
    CHECK(private_view({no_path, no_path}, true) == PrivateView::kPathDown);
    CHECK(private_view({no_path, no_service}, true) == PrivateView::kServiceDown);
    CHECK(private_view({no_path, nothing}, true) == PrivateView::kUnknown);
    CHECK(private_view({no_token}, true) == PrivateView::kUnknown);
    CHECK(private_view({no_token}, false) == PrivateView::kWorks);
    CHECK(private_view({no_path}, false) == PrivateView::kPathDown);
}
