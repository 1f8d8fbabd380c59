// SPDX-License-Identifier: Apache-2.0
#include "agent/k8s/manifests.h"

#include "agent/k8s/manifest_texts.h"
#include "tests/unit/catch.h"

using namespace postern::agent::k8s;

TEST_CASE("manifests: of a host's configuration the pods get all but what is theirs", "[k8s]") {
    const PodConfig pod = pod_config(R"(# ours
[agent]
log_format = "text"
[dns]
listen = ["127.0.0.1:53"]
[ dns.cache ]
[aliyun]
region = "cn-beijing"  # [http]
[http]
listen = "127.0.0.1:9853"
[[link]]
name = "prod"

[link.probe]
interval = "4s")");
    CHECK(pod.text == R"(# ours
[aliyun]
region = "cn-beijing"  # [http]
[[link]]
name = "prod"

[link.probe]
interval = "4s"
)");
    CHECK(pod.left_out == std::vector<std::string>{"agent", "dns", "http"});
}

TEST_CASE(
    "manifests: the example's links make room for the configuration's, in each ConfigMap, and nothing else changes",
    "[k8s]") {
    const std::string links = "[[link]]\nname = \"mine\"\n\n# end\n";
    for (const auto objects : {Objects::kNodes, Objects::kPublisher}) {
        const std::string_view base = objects == Objects::kNodes ? kNodeObjects : kPublisherObjects;
        const std::string text = manifests(objects, links);
        const auto files = configs_of(text), before = configs_of(base);
        REQUIRE(files.size() == (objects == Objects::kNodes ? 2 : 1));
        REQUIRE(before.size() == files.size());
        for (std::size_t i = 0; i < files.size(); ++i) {
            const auto example = before[i].find("[aliyun]");
            REQUIRE(example != std::string::npos);
            CHECK(files[i] == before[i].substr(0, example) + links);
        }
        // With the example's own links it is the folder, but for blank lines at the end of a block.
        CHECK(configs_of(manifests(objects, before[0].substr(before[0].find("[aliyun]")))) == before);
        CHECK(text.find("kind: ConfigMap\n") != std::string::npos);
        CHECK(text.find("gw.example.com") == std::string::npos);
    }
}
