// SPDX-License-Identifier: Apache-2.0
#include "agent/client/service_unit.h"

#include <filesystem>
#include <fstream>

#include "tests/unit/catch.h"

using namespace postern::agent;

namespace {

struct Root {
    std::string path;
    Root() {
        char name[] = "/tmp/postern-unit-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~Root() { std::filesystem::remove_all(path); }
    void put(const std::string& file, const std::string& text) const {
        std::filesystem::create_directories(std::filesystem::path(path + file).parent_path());
        std::ofstream(path + file) << text;
    }
    ServiceUnit read() const { return read_service_unit("postern.service", path); }
};

using Variables = std::map<std::string, std::string>;

}  // namespace

TEST_CASE("service unit: the unit, its drop-ins and what they name, as systemd puts them together", "[service_unit]") {
    const Root root;
    CHECK(root.read().path.empty());
    root.put("/lib/systemd/system/postern.service",
             "[Unit]\nDescription=User=nobody\n[Service]\nExecStart=/usr/bin/postern run --no-resolver\n"
             "EnvironmentFile=-/etc/postern/environment\nUser=postern\nGroup=postern-dns\nSupplementaryGroups=postern\n"
             "ProtectHome=yes\nPrivateTmp=true\n");
    ServiceUnit unit = root.read();
    CHECK(unit.path == "/lib/systemd/system/postern.service");
    CHECK(unit.user == "postern");
    CHECK(unit.group == "postern-dns");
    CHECK(unit.more_groups == std::vector<std::string>{"postern"});
    CHECK(unit.config() == "/etc/postern/postern.toml");
    CHECK(unit.environment.empty());
    CHECK(unit.not_read.empty());  // "-": it need not be there
    CHECK(unit.hides("/root/.aliyun/config.json") == "ProtectHome=");
    CHECK(unit.hides("/homes/x").empty());
    CHECK(unit.hides("/tmp/token") == "PrivateTmp=");
    CHECK(unit.hides("/etc/postern/token").empty());

    root.put("/etc/postern/environment", "# keys\nALIBABA_CLOUD_ACCESS_KEY_ID=file-key\nhttps_proxy=http://p:1\n");
    root.put("/etc/systemd/system.conf", "[Manager]\nDefaultEnvironment=no_proxy=a.example A=manager\n");
    root.put("/etc/systemd/system/postern.service.d/20-more.conf",
             "[Service]\nEnvironment=A=1 \"B=two words\" \\\n# a comment within\n  'C=%%h' bad-name=1\n"
             "UnsetEnvironment=GONE\nEnvironment=GONE=1 https_proxy=unit\n");
    root.put("/etc/systemd/system/postern.service.d/10-user.conf", "[Service]\nUser=other\nProtectHome=read-only\n");
    root.put("/lib/systemd/system/postern.service.d/10-user.conf", "[Service]\nUser=shadowed\n");
    root.put("/run/systemd/system/service.d/30-all.conf", "[Service]\nEnvironmentFile=/etc/default/*.env\n");
    root.put("/etc/default/b.env", "E=b\n");
    root.put("/etc/default/a.env", "E=a\nF=a\n");
    unit = root.read();
    CHECK(unit.user == "other");
    CHECK(unit.hides("/root/x").empty());
    CHECK(unit.environment == Variables{{"A", "1"},
                                        {"B", "two words"},
                                        {"C", "%h"},
                                        {"E", "b"},
                                        {"F", "a"},
                                        {"no_proxy", "a.example"},
                                        {"ALIBABA_CLOUD_ACCESS_KEY_ID", "file-key"},
                                        {"https_proxy", "http://p:1"}});

    root.put("/etc/systemd/system/postern.service.d/90-last.conf",
             "[Service]\nEnvironment=\nEnvironmentFile=\nEnvironmentFile=/etc/missing\nExecStart=\n"
             "ExecStart=/usr/bin/postern run --config \"/etc/my postern.toml\"\n");
    unit = root.read();
    CHECK(unit.config() == "/etc/my postern.toml");
    CHECK(unit.environment == Variables{{"A", "manager"}, {"no_proxy", "a.example"}});
    REQUIRE(unit.not_read.size() == 1);
    CHECK(unit.not_read[0] == "/etc/missing: it is missing, and the service does not start without it");
    root.put("/etc/systemd/system/postern.service", "");  // masked
    CHECK(root.read().path.empty());
}

TEST_CASE("service unit: an environment file", "[service_unit]") {
    CHECK(parse_environment_file(
              "A=1\n  B = two words  \r\n;C=1\n#D=1\nE=\"q \\\" x\"\nF='a\\b'\nG=x\\\ny\nexport H=1\nnot one\n"
              "I=\nJ=a\"b c\"d\nK=\"two\nlines\"\nL=1\nL=2\n1M=1\nN=a=b#c") == Variables{{"A", "1"},
                                                                                         {"B", "two words"},
                                                                                         {"E", "q \" x"},
                                                                                         {"F", "a\\b"},
                                                                                         {"G", "xy"},
                                                                                         {"I", ""},
                                                                                         {"J", "ab cd"},
                                                                                         {"K", "two\nlines"},
                                                                                         {"L", "2"},
                                                                                         {"N", "a=b#c"}});
    CHECK(parse_environment_file("").empty());
    CHECK(parse_environment_file("A='no end").at("A") == "no end");
}
