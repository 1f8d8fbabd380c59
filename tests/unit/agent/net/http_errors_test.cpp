// SPDX-License-Identifier: Apache-2.0
#include "agent/net/http_errors.h"

#include <cerrno>
#include <map>
#include <set>

#include "core/secret.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::Code;

namespace {

Environment table(std::map<std::string, std::string> values) {
    return [values](const std::string& name) {
        const auto it = values.find(name);
        return it == values.end() ? std::string() : it->second;
    };
}

}  // namespace

TEST_CASE("http errors: proxy variables as the common programs read them", "[http_errors]") {
    const auto env = table({{"https_proxy", "http://p:3128"},
                            {"HTTPS_PROXY", "http://other:1"},
                            {"HTTP_PROXY", "http://cgi:1"},
                            {"no_proxy", "a.example, .b.example 10.0.0.0/8,fd00::/8,c.example:443"}});
    CHECK(proxy_for("https://api.example/", env) == "http://p:3128");
    CHECK(proxy_for("http://api.example/", env).empty());  // capitals are not read for http
    for (const char* direct : {"https://a.example/", "https://x.a.example/", "https://B.example/",
                               "https://x.b.example/", "https://10.1.2.3/", "https://[fd00::1]/", "https://c.example/",
                               "https://127.0.0.1:8443/", "https://localhost/", "https://[::1]:1/", "not a url"}) {
        INFO(direct);
        CHECK(proxy_for(direct, env).empty());
    }
    CHECK_FALSE(proxy_for("https://nota.example/", env).empty());
    CHECK_FALSE(proxy_for("https://11.0.0.1/", env).empty());
    CHECK(proxy_for("https://x/", table({{"ALL_PROXY", "socks5h://p"}})) == "socks5h://p");
    CHECK(proxy_for("https://x/", table({{"ALL_PROXY", "p:1"}, {"NO_PROXY", "*"}})).empty());
    CHECK(proxy_label("http://user:secret@proxy.example:3128/") == "proxy.example:3128");
    CHECK(proxy_label("proxy:8080") == "proxy:8080");
    CHECK_FALSE(split_proxy("gopher://p:1"));
}

TEST_CASE("http errors: URLs are split as the Host header needs them", "[http_errors]") {
    CHECK(split_url("https://API.example/x?y")->authority == "api.example");
    CHECK(split_url("https://api.example:443/")->authority == "api.example");
    CHECK(split_url("https://api.example:8443")->authority == "api.example:8443");
    CHECK(split_url("https://[2001:db8::1]:8443/")->authority == "[2001:db8::1]:8443");
    CHECK(split_url("https://[2001:db8::1]/")->host == "2001:db8::1");
    for (const char* bad :
         {"https://[::1/", "https://[x]/", "https://a b/", "https://h:0/", "h", "https:///", "https://a\r\nb/",
          "https://h:/", "https://h:1x/", "https://h:65536/", "https://[::1]x/", "https://[10.0.0.1]/", "https://u@h/",
          "https://h%2f/", "https://caf\xc3\xa9/", "https://a\x01/", "https://a\x7f/", "", "https:/h/"}) {
        INFO(bad);
        CHECK_FALSE(split_url(bad));
    }
    CHECK_FALSE(split_url(std::string_view("https://a\0b/", 12)));
    CHECK_FALSE(split_url("https://" + std::string(1 << 20, ' ')));
    CHECK(split_url("HTTP://h?u@x")->host == "h");
    CHECK(split_url("http://h")->port == 80);
}

TEST_CASE("http errors: failures of certificates name the fix", "[http_errors]") {
    TransportFailure f{.target = "api.example:443", .ip = "10.0.0.1"};
    f.verify_result = 10;
    CHECK(
        explain_transport_failure(60, f).text() ==
        "the TLS certificate of api.example:443 (10.0.0.1) has expired (check this host's clock; else the server must renew it)");
    f.verify_result = 1;
    f.text = "SSL: no alternative certificate subject name matches target host name 'api.example'";
    CHECK(explain_transport_failure(60, f).what ==
          "the TLS certificate of api.example:443 (10.0.0.1) is for another name");
    f.verify_result = 20;
    f.text.clear();
    f.ca_file = "/etc/ca.pem";
    CHECK(explain_transport_failure(60, f).hint == "the CA in /etc/ca.pem did not sign it");
    CHECK(explain_transport_failure(77, f).what == "cannot use the CA file /etc/ca.pem");
    f.connected = f.in_tls = true;
    f.elapsed_us = 3 * core::kSecond;
    CHECK(explain_transport_failure(28, f).what == "no TLS handshake with api.example:443 (10.0.0.1) within 3 s");
}

TEST_CASE("http errors: a certificate for another name is never just not trusted", "[http_errors]") {
    TransportFailure f{.target = "api.example:443", .ip = "10.0.0.1"};
    const auto what = [&] { return explain_transport_failure(60, f).what; };
    const std::string other = "the TLS certificate of api.example:443 (10.0.0.1) is for another name";
    // The chain is accepted (0, or what curl's own check of the name leaves): what is left is the name.
    for (const char* text : {"SSL: certificate subject name 'x' does not match target host name 'api.example'",
                             "SSL: unable to obtain common name from peer certificate", ""}) {
        f.text = text;
        CHECK(what() == other);
    }
    f.text = "SSL certificate problem: hostname mismatch";
    f.verify_result = 62;  // X509_V_ERR_HOSTNAME_MISMATCH: of a chain that is not accepted
    CHECK(what() == other + ", and is not accepted either");
    f.verify_result = 18;
    f.text = "SSL certificate problem: self-signed certificate";
    CHECK(what() == "the TLS certificate of api.example:443 (10.0.0.1) is not trusted: self-signed certificate");
    // A proxy with a certificate of its own.
    f.proxy = "proxy.example:3129";
    f.verify_result = 0;
    f.proxy_verify_result = 18;
    CHECK(what().starts_with("the TLS certificate of the proxy proxy.example:3129 is not trusted"));
}

TEST_CASE("http errors: silence is of the one that was silent, for as long as it was", "[http_errors]") {
    TransportFailure f{.target = "api.example:443", .ip = "10.0.0.9", .proxy = "proxy:3128"};
    f.proxy_scheme = "http";
    f.secure = f.in_tls = true;
    f.elapsed_us = 2340 * core::kMillisecond;
    const auto what = [&] { return explain_transport_failure(28, f).what; };
    CHECK(what() == "no connection to the proxy proxy:3128, the way to api.example:443, within 2.3 s");
    f.connected = true;
    CHECK(what() == "the proxy proxy:3128 did not answer CONNECT api.example:443 for 2.3 s");
    CHECK(explain_transport_failure(28, f).hint.find("no_proxy") != std::string::npos);
    CHECK(explain_transport_failure(28, f).code == Code::kTimeout);
    f.proxy_status = 200;
    CHECK(what() == "no TLS handshake with api.example:443 through the proxy proxy:3128 within 2.3 s");
    f.in_tls = false;
    CHECK(what() == "no complete reply from api.example:443 through the proxy proxy:3128 within 2.3 s");
    f.in_tls = true;
    f.proxy_status = 0;
    f.proxy_scheme = "https";
    f.proxy_verify_result = 1;  // its handshake is not done
    CHECK(what() == "no TLS handshake with the proxy proxy:3128, the way to api.example:443, within 2.3 s");
    f.proxy_verify_result = 0;
    CHECK(what() == "the proxy proxy:3128 did not answer CONNECT api.example:443 for 2.3 s");
    f.proxy_scheme = "socks5h";
    CHECK(what() == "the proxy proxy:3128 did not answer the request for api.example:443 for 2.3 s");
    f.verify_result = 1;  // the handshake behind it has begun
    CHECK(what() == "no TLS handshake with api.example:443 through the proxy proxy:3128 within 2.3 s");
    f.proxy_scheme = "http";
    f.secure = f.in_tls = false;  // an http URL goes through without CONNECT
    f.verify_result = 0;
    CHECK(what() == "no complete reply from api.example:443 through the proxy proxy:3128 within 2.3 s");
    f.elapsed_us = 40 * core::kMillisecond;
    CHECK(what().ends_with(" within 40 ms"));
    f.connected = false;
    f.sys = ECONNREFUSED;
    CHECK(explain_transport_failure(7, f).what == "cannot connect to the proxy proxy:3128, the way to api.example:443");
}

TEST_CASE("http errors: what is shown of a proxy has no user and no password", "[http_errors]") {
    CHECK(proxy_label("").empty());
    CHECK(proxy_label("https://proxy.example") == "proxy.example:443");
    CHECK(proxy_label("proxy.example") == "proxy.example:1080");
    CHECK(proxy_label("socks5://[fd00::1]:1081") == "[fd00::1]:1081");
    for (const char* odd :
         {"user:hunter2", "http://user:hunter2@", "http://user:hunter2@/", "gopher://user:hunter2@p:1",
          "http://user:hunter2@p:x", "user:hunter2@p:99999", "http://user:hunter2@p q:1"}) {
        INFO(odd);
        CHECK(proxy_label(odd) == "?");
    }
    CHECK(proxy_label("http://user:hun@ter2@p:1") == "p:1");
    CHECK(proxy_label("user:hunter2@p:1") == "p:1");
}

TEST_CASE("http errors: every code of the library has a code, words that name the server, and no secret",
          "[http_errors]") {
    const core::Secret token("a-token-of-somebody");
    for (const bool connected : {false, true}) {
        for (int curl = 0; curl < 120; ++curl) {
            TransportFailure f{.target = "api.example:443", .ip = "10.0.0.1", .ca_file = "/etc/ca.pem"};
            f.text = "words with a-token-of-somebody\r\n" + std::string(100000, 'x');
            f.connected = f.in_tls = connected;
            f.verify_result = curl;
            const auto error = explain_transport_failure(curl, f);
            INFO(curl);
            CHECK(error.text().find("a-token-of-somebody") == std::string::npos);
            CHECK(error.text().size() < 1000);
            CHECK(error.code != Code::kInternal);
            if (curl != 77) CHECK(error.what.find("api.example:443") != std::string::npos);
        }
    }
}

TEST_CASE("http errors: failures are told apart by how far they came", "[http_errors]") {
    TransportFailure f{.target = "api.example:443", .ip = "10.0.0.1"};
    f.elapsed_us = 1500 * core::kMillisecond;
    const auto what = [&](int curl) { return explain_transport_failure(curl, f).what; };
    CHECK(what(28) == "no connection to api.example:443 (10.0.0.1) within 1.5 s");
    f.connected = true;
    f.elapsed_us = 10 * core::kSecond;
    CHECK(what(28) == "no complete reply from api.example:443 (10.0.0.1) within 10 s");
    CHECK(explain_transport_failure(28, f).code == Code::kTimeout);
    f.sys = ECONNREFUSED;
    CHECK(explain_transport_failure(7, f).hint.find("nothing listens") != std::string::npos);
    f.sys = EHOSTUNREACH;
    CHECK(explain_transport_failure(7, f).hint.find("no route") != std::string::npos);
    CHECK(explain_transport_failure(7, f).sys == EHOSTUNREACH);
    f.proxy = "proxy:3128";
    CHECK(what(6) == "cannot resolve the name of api.example:443 through the proxy proxy:3128");
    f.proxy_status = 407;
    CHECK(explain_transport_failure(56, f).hint.find("password") != std::string::npos);
    f.proxy_status = 200;  // it let us through: what broke is behind it
    CHECK(explain_transport_failure(56, f).code == Code::kHttpFailed);
    f.too_large = true;
    f.max_body = 4096;
    CHECK(explain_transport_failure(23, f).code == Code::kTooLarge);
    f = {.target = "10.0.0.1:443", .ip = "10.0.0.1"};  // an address is not named twice
    CHECK(what(7) == "cannot connect to 10.0.0.1:443");
}
