// SPDX-License-Identifier: Apache-2.0
// Worlds in which nothing is wrong: doctor may find no fault there.
#pragma once

#include "tests/unit/agent/doctor/matrix_world.h"

namespace postern::agent::doctor {

inline const std::pair<const char*, Break> kHealthy[] = {
    {"all is well", [](World&) {}},
    {"only the agent has credentials",
     [](World& w) { w.cloud->credentials = core::fail(Code::kCredentialsMissing, "none"); }},
    {"addresses are fixed", [](World& w) { w.cloud->endpoints.clear(), w.config.config->links[0].endpoints.clear(); }},
    {"the rules are not known", [](World& w) { w.group(Access::kUnknown); }},
    {"nsswitch with resolve",
     [](World& w) { w.host->nsswitch = "hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns\n"; }},
    {"nsswitch of Debian's desktop",
     [](World& w) { w.host->nsswitch = "hosts: files mdns4_minimal [NOTFOUND=return] dns\n"; }},
    {"no hosts line", [](World& w) { w.host->nsswitch = "passwd: files\n"; }},
    {"no nsswitch.conf", [](World& w) { w.host->nsswitch.clear(); }},
    {"resolv.conf by hand", [](World& w) { w.host->report.journal.state = TakeoverState::kOff; }},
    {"one address given with --address", [](World& w) { w.config.narrowed = true, w.paths->pop_back(); }},
    {"an address given that is not the link's",
     [](World& w) { w.config.narrowed = true, w.paths = std::vector<PathSeen>{good("10.0.9.9")}; }},
    {"an answer with one of the addresses", [](World& w) { w.answer({kA}), w.programs_get({kA}); }},
    {"a container that asks postern",
     [](World& w) {
         w.host->containers = {{9, "web", false, "nameserver 127.0.0.153\n"}};
     }},
    {"docker's resolver that asks postern",
     [](World& w) {
         w.host->containers = {{9, "web", true, "nameserver 127.0.0.11\n# ExtServers: [host(127.0.0.153)]\n"}};
     }},
    {"a proxy that leaves the name out",
     [](World& w) {
         w.host->environment = {{"https_proxy", "http://p:1"}, {"NO_PROXY", ".example.com"}};
     }},
    {"systemd's own hooks", [](World& w) { w.host->hooks = {"io.systemd.Machine"}; }},
    {"an interface of Tailscale",
     [](World& w) {
         w.host->interfaces = {"eth0", "tailscale0"};
     }},
    {"a second zone that the link leaves out",
     [](World& w) { w.config.config->links[0].zones = {"zone-a"}, w.report().zones[1].ipv4 = ip(kB); }},
    {"connections of applications",
     [](World& w) {
         w.agent->connections = {{"prod", kName, kA, false, 12, 0, 0, 0, "1001"}};
     }},
    {"a name that is verified only",
     [](World& w) {
         w.name().verify_only = true, w.name().stub = core::Result<DnsReply>(reply({kA, kB}, "upstream")),
         w.not_taken_over();
     }},
    {"the command may not read the token, and the agent reaches the database",
     [](World& w) {
         w.config.root = false;
         w.config.tokens = {{"prod", {Code::kPermission, "denied", "/t", EACCES}}};
         w.both(Reason::kTokenMissing, Phase::kSql);
         w.agent->serves = {{"prod", ip(kA)}, {"prod", ip(kB)}};
     }},
};

}  // namespace postern::agent::doctor
