// SPDX-License-Identifier: Apache-2.0
// What the tests of the views look at: a link with one address up and one down.
#pragma once

#include <algorithm>
#include <sstream>
#include <string>

#include "agent/text/terminal.h"
#include "tests/unit/agent/status/status_fixture.h"

namespace postern::test {

inline agent::StatusSnapshot mixed() {
    auto s = snapshot({link({address("10.0.1.23", "cn-hangzhou-h", probe::State::kUp, probe::State::kUp),
                             address("10.0.2.9", "cn-hangzhou-i", probe::State::kDown, probe::State::kUnknown,
                                     probe::Reason::kTcpRefused, probe::Phase::kConnect)})});
    agent::judge(s);
    return s;
}

/// A link that only verifies its name, which the VPC's DNS answers with one of its two addresses; two names are followed.
inline agent::StatusSnapshot verified() {
    auto one = link({address("10.0.1.23", "", probe::State::kUp, probe::State::kUp),
                     address("10.0.2.9", "", probe::State::kUp, probe::State::kUp)});
    one.verify_only = true;
    one.answer.clear();
    one.addresses[1].answered = false;
    agent::VpcAnswer answer;
    answer.host = one.host;
    answer.addresses = {one.addresses[0].ip};
    answer.at_wall_us = 1767323045LL * core::kSecond - 20 * core::kSecond;
    answer.attempts = 7;
    answer.failures = 2;
    agent::judge_vpc_answer(answer, one.discovery);
    one.vpc_answer = answer;
    one.discovery.source = "dns";
    const core::Error gone{core::Code::kDnsFailed, "i.example does not exist", "", 0};
    one.discovery.sources = {{"target:h.example", "h.example", {one.discovery.addresses[0]}, 5, {}},
                             {"target:i.example", "i.example", {one.discovery.addresses[1]}, 5, gone}};
    auto s = snapshot({std::move(one)});
    agent::judge(s);
    return s;
}

inline std::size_t widest(const std::string& text) {
    std::istringstream in(text);
    std::size_t most = 0;
    for (std::string line; std::getline(in, line);)
        most = std::max(most, agent::display_width(line));
    return most;
}

inline std::string without_escapes(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\033') {
            while (i < text.size() && text[i] != 'm')
                ++i;
        } else {
            out += text[i];
        }
    }
    return out;
}

}  // namespace postern::test
