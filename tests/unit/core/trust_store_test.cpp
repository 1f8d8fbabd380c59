// SPDX-License-Identifier: Apache-2.0
#include "core/trust_store.h"

#include <map>
#include <set>
#include <string>

#include "tests/unit/catch.h"

using postern::core::choose_trust_store;
using postern::core::TrustStore;
using postern::core::TrustStoreFacts;

namespace {

struct Host {
    std::set<std::string> paths;
    std::set<std::string> hashed;
    std::map<std::string, std::string> environment;

    TrustStore chosen() const {
        const TrustStoreFacts facts{
            .environment =
                [this](const char* name) {
                    const auto it = environment.find(name);
                    return it == environment.end() ? std::string() : it->second;
                },
            .exists = [this](const std::string& path) { return paths.count(path) == 1; },
            .holds_hashes = [this](const std::string& path) { return hashed.count(path) == 1; }};
        return choose_trust_store(facts);
    }
};

const Host kDebian{{"/etc/ssl/certs", "/etc/ssl/certs/ca-certificates.crt"}, {"/etc/ssl/certs"}, {}};

}  // namespace

TEST_CASE("trust store: Debian's directory of hashes is used, and its bundle tells of changes") {
    CHECK(kDebian.chosen() == TrustStore{"", "/etc/ssl/certs", "/etc/ssl/certs/ca-certificates.crt"});
}

TEST_CASE("trust store: without hashes each distribution's bundle is found") {
    for (const char* bundle :
         {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
          "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/var/lib/ca-certificates/ca-bundle.pem"}) {
        CAPTURE(bundle);
        // Enterprise Linux has /etc/ssl/certs, too: a link to a directory that holds bundles only.
        CHECK(Host{{"/etc/ssl/certs", bundle}, {}, {}}.chosen() == TrustStore{bundle, "", bundle});
    }
}

TEST_CASE("trust store: the environment comes first, each variable for itself") {
    Host host = kDebian;
    host.environment["SSL_CERT_FILE"] = "/own/ca.pem";
    CHECK(host.chosen() == TrustStore{"/own/ca.pem", "/etc/ssl/certs", "/own/ca.pem"});
    host.environment["SSL_CERT_DIR"] = "/own/certs";
    CHECK(host.chosen() == TrustStore{"/own/ca.pem", "/own/certs", "/own/ca.pem"});
    host.environment.erase("SSL_CERT_FILE");
    CHECK(host.chosen().file.empty());
    CHECK(host.chosen().directory == "/own/certs");

    Host enterprise{{"/etc/pki/tls/certs/ca-bundle.crt"}, {}, {{"SSL_CERT_FILE", "/own/ca.pem"}}};
    CHECK(enterprise.chosen() == TrustStore{"/own/ca.pem", "", "/own/ca.pem"});
}

TEST_CASE("trust store: a variable that is set to nothing is not set") {
    Host host = kDebian;
    host.environment = {{"SSL_CERT_FILE", ""}, {"SSL_CERT_DIR", ""}};
    CHECK(host.chosen() == kDebian.chosen());
}

TEST_CASE("trust store: a host without one gets a name that an error can tell") {
    CHECK(Host{}.chosen().file == "/etc/ssl/certs/ca-certificates.crt");
    CHECK(Host{}.chosen().directory.empty());
}
