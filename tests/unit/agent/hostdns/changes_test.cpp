// SPDX-License-Identifier: Apache-2.0
// A delegate of resolved, as changes. The other ways: takeover_test.
#include "tests/unit/agent/hostdns/lab.h"

using namespace postern;
using namespace postern::agent;
using test::kName;
using test::Lab;

TEST_CASE("hostdns: a delegate is one file of resolved's, and is mended when resolved has lost it", "[hostdns]") {
    Lab lab(test::delegate_host());
    const std::vector<std::string> names = {kName, "other.private.lab"};
    REQUIRE(lab.enable(Mode::kSplit, names));
    CHECK(lab.host.files[kDelegateFile].content ==
          std::string(kOwnHeader) +
              "[Delegate]\nDNS=127.0.0.153\nDefaultRoute=no\nDomains=~db.private.lab\nDomains=~other.private.lab\n");
    CHECK_FALSE(lab.host.link_up);
    CHECK(lab.host.delegate_domains == "~db.private.lab ~other.private.lab");
    const auto in_place = [&] {
        return runtime_in_place(lab.host, changes_for(lab.journal().decision, lab.journal().target, FileState{}));
    };
    CHECK(in_place());
    // As resolvectl prints a long list.
    lab.host.delegate_domains = "~other.private.lab\n        ~db.private.lab";
    CHECK(in_place());
    lab.host.delegate_domains = "~db.private.lab";
    CHECK_FALSE(in_place());
    lab.host.delegate_dns = "";
    CHECK_FALSE(in_place());
    REQUIRE(lab.takeover().reapply(names));
    CHECK(in_place());

    // Without a journal it is known by its name.
    REQUIRE(JournalFile(lab.folder / "hostdns.json").remove());
    REQUIRE(lab.takeover().disable(false));
    CHECK(lab.host.files == lab.first);
    CHECK(lab.host.delegate_dns.empty());
    CHECK(lab.host.ran.back() == "systemctl reload systemd-resolved.service");

    REQUIRE(lab.enable(Mode::kFull));
    CHECK(lab.host.delegate_domains == "~. ~db.private.lab");
    CHECK(lab.host.files[kDelegateFile].content.find("DefaultRoute=yes\n") != std::string::npos);
}
