// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/agent/doctor/matrix_world.h"

#include "tests/unit/catch.h"

namespace postern::agent::doctor {
namespace {

constexpr const char* kCluster =
    "search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n";

PodSeen pod(const char* resolv_conf, std::optional<core::Result<DnsReply>> answer,
            std::vector<core::IpAddress> known = {ip(kA), ip(kB)}) {
    return {resolv_conf, {{"prod", kName, std::move(known), false, std::move(answer)}}};
}

core::Result<DnsReply> answers(std::vector<const char*> addresses) {
    return reply(std::move(addresses), nullptr);
}

core::Result<DnsReply> silence() {
    return core::fail(Code::kTimeout, "no reply");
}

/// ndots 5 and what the search domains say; each reply takes so many milliseconds.
PodSeen searched(int ms, std::vector<std::vector<const char*>> answers_of) {
    PodSeen out = pod(kCluster, answers({kA, kB}));
    for (auto& one : answers_of) {
        auto got = answers(std::move(one));
        got->took_us = ms * core::kMillisecond;
        got->question = std::string(kName) + ".svc.cluster.local";
        out.names[0].searched.push_back(std::move(got));
    }
    return out;
}

PodSeen silent_search() {
    PodSeen out = searched(1, {{}});
    out.names[0].searched.push_back(silence());
    return out;
}

}  // namespace

TEST_CASE("doctor: the search list of an ordinary pod is told, as what it costs", "[doctor]") {
    const auto all = judge_pod(searched(2, {{}, {}, {}}), {});
    const auto note =
        std::find_if(all.begin(), all.end(), [](const Finding& f) { return f.step == Step::kResolvConf; });
    REQUIRE(note != all.end());
    CHECK(note->state == State::kPass);
    const auto told = message_value(note->values.at("takeover"));
    REQUIRE(told);
    CHECK(told->text() == "ndots:5 and 3 search domains: they are asked before " + std::string(kName) +
                              ", and all of them have answered \"no\" within 6.0 ms");
    const auto wrong = judge_pod(searched(1, {{}, {kPublic}}), {});
    CHECK(wrong.back().values.at("suffix") == "svc.cluster.local");
}

TEST_CASE("doctor: which server a pod has, and what that makes of the name", "[doctor]") {
    struct Row {
        const char* what;
        PodSeen pod;
        const char* troubles;
    };
    const std::string good = std::string(kCluster) + "options ndots:1\n";
    for (const Row& row : {
             Row{"all is well", pod(good.c_str(), answers({kA, kB})), ""},
             Row{"one of them", pod(good.c_str(), answers({kB})), ""},
             Row{"none is known", pod(good.c_str(), answers({kPublic}), {}), ""},
             Row{"CoreDNS has no block", pod(good.c_str(), answers({})), "FAIL PN-K8S-COREDNS"},
             Row{"CoreDNS answers the public gateway", pod(good.c_str(), answers({kPublic})), "FAIL PN-K8S-COREDNS"},
             Row{"an old address beside a right one", pod(good.c_str(), answers({kA, "10.9.9.9"})),
                 "FAIL PN-K8S-COREDNS"},
             Row{"NodeLocal goes past it", pod("nameserver 169.254.20.10\nsearch x.svc.cluster.local\n", answers({})),
                 "FAIL PN-K8S-NODELOCAL"},
             Row{"dnsPolicy Default", pod("nameserver 100.100.2.136\n", answers({})), "FAIL PN-K8S-NODE-DNS"},
             Row{"the node's stub", pod("nameserver 127.0.0.53\n", silence()), "FAIL PN-K8S-LOOPBACK"},
             Row{"a loopback server that answers, as with hostNetwork",
                 pod("nameserver 127.0.0.153\n", answers({kA, kB})), ""},
             Row{"no answer", pod(good.c_str(), silence()), "FAIL PN-K8S-SILENT"},
             Row{"no server", pod("# empty\n", std::nullopt), "FAIL PN-K8S-NO-SERVER"},
             Row{"ndots 5, which costs nothing", searched(30, {{}, {}, {}}), ""},
             Row{"a search list that takes long", searched(90, {{}, {}, {}}), "WARN PN-K8S-NDOTS"},
             Row{"a search list that is silent", silent_search(), "WARN PN-K8S-NDOTS"},
             Row{"a search domain that answers", searched(1, {{}, {kPublic}, {}}), "FAIL PN-K8S-SEARCH"},
             Row{"a search domain that has the right one", searched(1, {{}, {kA}, {}}), ""},
         }) {
        INFO(row.what);
        CHECK(troubles(judge_pod(row.pod, {})) == row.troubles);
    }
}

TEST_CASE("doctor: a silent server is silent once; each wrong name is told", "[doctor]") {
    PodSeen two = pod("nameserver 10.96.0.10\nsearch svc.cluster.local\n", silence());
    two.names.push_back(two.names.front());
    CHECK(troubles(judge_pod(two, {})) == "FAIL PN-K8S-SILENT");
    for (auto& name : two.names)
        name.reply = answers({});
    two.names.back().link = "second";
    CHECK(troubles(judge_pod(two, {})) == "FAIL PN-K8S-COREDNS | FAIL PN-K8S-COREDNS");
}

TEST_CASE("doctor: the pod's network is suspected where it keeps out of every address", "[doctor]") {
    const PodSeen fine = pod("nameserver 10.96.0.10\n", answers({kA, kB}));
    const auto timeout = [](const char* address) { return path(address, Reason::kTcpTimeout, Phase::kConnect); };
    const auto found = judge_pod(fine, {timeout(kA), timeout(kB)});
    CHECK(troubles(found) == "WARN PN-K8S-EGRESS");
    CHECK(found.back().values.at("addresses") == "10.0.1.23, 10.0.2.9");
    CHECK(troubles(judge_pod(fine, {timeout(kA), good(kB)})).empty());
    CHECK(troubles(judge_pod(fine, {timeout(kA), path(kB, Reason::kTcpRefused, Phase::kConnect)})).empty());
}

TEST_CASE("doctor: a pod needs neither agent nor resolver", "[doctor]") {
    World world;
    world.agent_is(AgentState::kDown);
    world.pod = pod("nameserver 10.96.0.10\n", answers({kA, kB}));
    const Findings all = diagnose(world, kNow);
    CHECK(troubles(all).empty());
    CHECK(because(all, Step::kAgent) == "SKIP pod");
}

}  // namespace postern::agent::doctor
