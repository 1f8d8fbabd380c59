// SPDX-License-Identifier: Apache-2.0
#include "agent/faults/fault_text.h"

#include <nlohmann/json.hpp>

#include "agent/faults/codes.h"
#include "tests/unit/catch.h"

namespace postern::agent::doctor {
namespace {

const Catalogue& english() {
    return Catalogue::in(Language::kEnglish);
}

}  // namespace

TEST_CASE("fault: the cause follows its address, with the zone", "[faults]") {
    const Values port = {{"port", "443"}, {"zone", "cn-hangzhou-h"}};
    const Fault f = make_fault("PN-TCP-REFUSED", "prod", "10.0.1.23", port);
    const std::string cause = "refuses the connection: nothing listens on port 443";
    CHECK(cause_of(f, english()) == "10.0.1.23 (cn-hangzhou-h) " + cause);
    CHECK(told(f, english()) == "10.0.1.23 (cn-hangzhou-h) " + cause + " (tcp_refused)");
    CHECK(f.state == State::kFail);
    CHECK(value_of(f, "link") == "prod");
    Fault all = make_fault("PN-TCP-REFUSED", "prod", "", port);
    all.values.insert({{"subject", "every"}, {"also", "all_stay"}, {"detail", "x"}});
    CHECK(told(all, english()) ==
          "every address " + cause + " (tcp_refused): x; all stay in the answer, as none is better");
    all.values["subject"] = "more";
    all.values["place"] = "10.0.1.23";
    all.values["more"] = "2";
    CHECK(told(all, english()).starts_with("10.0.1.23 and 2 more refuses"));
    const Catalogue& chinese = Catalogue::in(Language::kChinese);
    CHECK(told(f, chinese).starts_with("10.0.1.23 (cn-hangzhou-h) 拒绝 TCP 连接"));
    all.values["count"] = "3";
    CHECK(told(all, chinese).starts_with("10.0.1.23 等 3 个地址拒绝 TCP 连接"));
    all.values["subject"] = "every";
    CHECK(told(all, chinese).starts_with("全部地址拒绝 TCP 连接"));
    CHECK(told(make_fault("PN-TCP-RESET", "prod", "", {{"subject", "every"}}), chinese)
              .starts_with("全部地址 TCP 连接被重置"));
}

TEST_CASE("fault: a hint of the error behind it comes before the catalogue's next step", "[faults]") {
    CHECK(fix_of(make_fault("PN-AGENT-DISCOVERY"), english()).find("postern check-config --online") !=
          std::string::npos);
    CHECK(fix_of(make_fault("PN-AGENT-DISCOVERY", "", "", {{"hint", "wait"}}), english()) == "wait");
}

TEST_CASE("fault: a command is whole or none, and each word is one argument", "[faults]") {
    CHECK(fix_command(make_fault("PN-CONFIG-OLDER")) == std::vector<std::string>{"systemctl", "reload", "postern"});
    CHECK(fix_command(make_fault("PN-HTTP-SLOW")).empty());
    CHECK(fix_command(make_fault("PN-UNHEARD-OF")).empty());
    const Values other = {{"config", "/srv/postern.toml"}};
    CHECK(command_line(fix_command(make_fault("PN-ADDRESS-NONE", "db", "", other))) ==
          "postern refresh --config /srv/postern.toml");
    CHECK(command_line(fix_command(make_fault("PN-CONFIG-OLDER", "", "", other))) == "systemctl reload postern");
    CHECK(command_line({"a", "b c", "it's", ""}) == "a 'b c' 'it'\\''s' ''");
    CHECK(command_line({"sh", "-c", "a; b"}) == "a; b");
    CHECK(command_line({}) == "");
}

TEST_CASE("fault: every code that a command repairs has one that is whole without values", "[faults]") {
    std::size_t commands = 0;
    for (const CodeInfo& code : all_codes()) {
        const auto& texts = english().all()["findings"][std::string(code.code)];
        if (!texts.contains("command")) continue;
        ++commands;
        INFO(code.code);
        CHECK(texts["command"] ==
              Catalogue::in(Language::kChinese).all()["findings"][std::string(code.code)]["command"]);
        CHECK(texts["command"].size() > 1);
    }
    CHECK(commands > 10);
}

TEST_CASE("fault: severities have one word each", "[faults]") {
    CHECK(severity_of(State::kFail) == "fail");
    CHECK(severity_of(State::kWarn) == "warn");
    CHECK(severity_of(State::kSkip) == "unknown");
    CHECK(severity_of(State::kPass) == "pass");
}

}  // namespace postern::agent::doctor
