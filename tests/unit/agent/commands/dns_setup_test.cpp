// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/dns_setup.h"
#include "core/fallback_file.h"
#include "core/file_system.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;

namespace {

struct Files {
    void write_config(const std::string& more) {
        const std::string text =
            "[agent]\nstate_dir = \"" + folder.path() + "\"\nruntime_dir = \"" + (folder / "run") + "\"\n" + more;
        REQUIRE(core::write_file(folder / "postern.toml", core::as_bytes(text), 0600, false));
    }
    void write_fallback(const core::Fallback& fallback) {
        const std::string text = core::format_fallback(fallback);
        REQUIRE(core::write_file(folder / "fallback-upstreams", core::as_bytes(text), 0600, false));
    }
    std::optional<DnsSetup> setup(DnsCommand::Verb verb) {
        DnsCommand command;
        command.verb = verb;
        command.config = folder / "postern.toml";
        return dns_setup_or_complain(command);
    }

    test::TempFolder folder;
};

const std::string kLink = "[[link]]\nname = \"one\"\nhost = \"DB.private.lab\"\naddresses = [\"10.0.0.1\"]\n";
using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("dns: the host is pointed at the address of ours that lets it in", "[dns]") {
    Files files;
    files.write_config("[dns]\nlisten = [\"10.9.9.9:53\", \"127.0.0.153:53\"]\nsecond_nameserver = true\n" + kLink);
    const auto setup = files.setup(DnsCommand::Verb::kEnable);
    REQUIRE(setup);
    CHECK(setup->listen.text() == "127.0.0.153:53");
    CHECK(setup->second_server);
    CHECK(setup->names == Names{"db.private.lab"});
    CHECK(setup->paths.hostdns == files.folder / "hostdns.json");
}

TEST_CASE("dns: a broken configuration keeps a host from being taken over, never from its own DNS", "[dns]") {
    Files files;
    files.write_config("[dns]\nlisten = 1\n");
    CHECK_FALSE(files.setup(DnsCommand::Verb::kEnable));
    for (const auto verb : {DnsCommand::Verb::kDisable, DnsCommand::Verb::kReapply, DnsCommand::Verb::kPrestart,
                            DnsCommand::Verb::kStatus}) {
        const auto setup = files.setup(verb);
        REQUIRE(setup);
        CHECK(setup->listen.text() == "127.0.0.153:53");
    }
}

TEST_CASE("dns: the served names count, in a form that root may write", "[dns]") {
    Files files;
    files.write_config(kLink);
    files.write_fallback({{},
                          {*core::SocketAddress::parse("10.0.0.2", 53)},
                          {"b.private.lab", "a.private.lab", "b.private.lab", "x;reboot", "-", "a b"}});
    CHECK(files.setup(DnsCommand::Verb::kReapply)->names == Names{"a.private.lab", "b.private.lab"});
    CHECK(files.setup(DnsCommand::Verb::kEnable)->names == Names{"db.private.lab"});  // the file, which it is to serve
}

TEST_CASE("dns: the host is not pointed here for a name that is only verified", "[dns]") {
    Files files;
    files.write_config(
        kLink + "[[link]]\nname = \"two\"\nhost = \"two.private.lab\"\nanswer = false\naddresses = [\"10.0.0.2\"]\n");
    CHECK(files.setup(DnsCommand::Verb::kEnable)->names == Names{"db.private.lab"});
}
