// SPDX-License-Identifier: Apache-2.0
#include "agent/k8s/cluster_access.h"

#include <fstream>
#include <map>

#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent::k8s;
using core::Code;

namespace {

struct Pod {
    test::TempFolder folder;
    std::map<std::string, std::string> variables{{"KUBERNETES_SERVICE_HOST", "10.96.0.1"},
                                                 {"KUBERNETES_SERVICE_PORT", "443"}};

    void file(const char* name, const char* text) { std::ofstream(folder.path() + "/" + name) << text; }
    core::Result<ClusterAccess> find(const ClusterWish& wish = {}) {
        return find_cluster(
            wish, [this](const std::string& name) { return variables[name]; }, folder.path());
    }
};

}  // namespace

TEST_CASE("cluster access: the pod's own", "[k8s]") {
    Pod pod;
    CHECK(pod.find().error().code == Code::kUsage);  // no service account
    pod.file("token", "t");
    CHECK(pod.find().error().what.text() == "the namespace of the objects is not known");
    pod.file("namespace", "dns\n");
    pod.file("ca.crt", "x");
    const auto access = pod.find();
    REQUIRE(access);
    CHECK(access->server == "https://10.96.0.1:443");
    CHECK(access->space == "dns");
    CHECK(access->token_file == pod.folder.path() + "/token");
    CHECK(access->ca_file == pod.folder.path() + "/ca.crt");
    CHECK(access->own);
    pod.variables["KUBERNETES_SERVICE_HOST"] = "fd00::1";
    CHECK(pod.find()->server == "https://[fd00::1]:443");
}

TEST_CASE("cluster access: as the command line says", "[k8s]") {
    Pod pod;
    pod.variables.clear();
    CHECK(pod.find().error().code == Code::kUsage);
    const auto access = pod.find({"https://api.example.com:6443/", "/t", "/ca", "db"});
    REQUIRE(access);
    CHECK(access->server == "https://api.example.com:6443");
    CHECK(access->token_file == "/t");
    CHECK_FALSE(access->own);
    CHECK(pod.find({"http://127.0.0.1:8001", "", "", "db"}));
    CHECK(pod.find({"http://api.example.com", "", "", "db"}).error().what.text() ==
          "http://api.example.com would send the token in the clear");
    CHECK_FALSE(pod.find({"nonsense", "", "", "db"}));
    CHECK_FALSE(pod.find({"https://api.example.com", "", "", ""}));
}
