// SPDX-License-Identifier: Apache-2.0
// Configuration and agent.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "agent/doctor/judge.h"
#include "agent/faults/codes.h"
#include "core/text.h"

namespace postern::agent::doctor {

Finding found(std::string_view code, std::string link, std::string ip, Values values) {
    return {make_fault(code, std::move(link), std::move(ip), std::move(values)), find_code(code)->step, {}, {}};
}

Finding passed(Step step, std::string link, std::string ip, Values values) {
    Finding f = {make_fault(step_code(step), std::move(link), std::move(ip), std::move(values)), step, {}, {}};
    f.state = State::kPass;
    return f;
}

Finding skipped(Step step, std::string link, std::string ip, std::string because) {
    Finding f = passed(step, std::move(link), std::move(ip), {});
    f.state = State::kSkip;
    f.because = std::move(because);
    return f;
}

namespace {

/// Files that the configuration names: CA files, and what the agent's user may or others must not read.
void files(const ConfigSeen& seen, Findings& out) {
    for (const FileSeen& ca : seen.ca_files)
        out.push_back(found("PN-CONFIG-CA", ca.link, {},
                            {{"file", ca.file}, {"problem", told_value(ca.problem)}, {"config", seen.file}}));
    for (const FileSeen& hidden : seen.hidden) {
        Values v = {{"file", hidden.file},
                    {"problem", told_value(hidden.problem)},
                    {"user", seen.agent_user},
                    {"blocker", hidden.blocker}};
        if (hidden.blocker == hidden.file) v["group"] = seen.agent_group;  // a folder is not ours to give away
        out.push_back(found("PN-CONFIG-RIGHTS", hidden.link, {}, std::move(v)));
    }
    for (const TokenModeSeen& token : seen.open_tokens)
        out.push_back(found("PN-CONFIG-TOKEN-OPEN", token.link, {},
                            {{"file", token.file},
                             {"mode", token.mode},
                             {"wanted", token.wanted},
                             {"owner", token.owner},
                             {"group", token.group}}));
}

}  // namespace

Findings judge_config(const ConfigSeen& seen) {
    if (!seen.used) return {skipped(Step::kConfig)};
    if (seen.no_right) return {skipped(Step::kConfig, {}, {}, kNoRoot)};
    if (!seen.problem.empty())
        return {found("PN-CONFIG-UNREADABLE", {}, {}, {{"file", seen.file}, {"problem", told_value(seen.problem)}})};
    const auto issue = [&seen](std::string_view code, const std::vector<ConfigIssue>& all) {
        Finding f = found(code, {}, {},
                          {{"file", seen.file},
                           {"problem", told_value(core::message("{}: {}", all.front().key, all.front().what))},
                           {"key", all.front().key},
                           {"line", std::to_string(all.front().line)},
                           {"count", std::to_string(all.size())}});
        for (const auto& i : all)
            f.evidence.emplace_back(fmt::format("{}:{}", seen.file, i.line),
                                    told_value(core::message("{}: {}", i.key, i.what)));
        return f;
    };
    Findings out;
    if (!seen.mistakes.empty()) out.push_back(issue("PN-CONFIG-MISTAKE", seen.mistakes));
    std::vector<ConfigIssue> news;
    std::copy_if(seen.warnings.begin(), seen.warnings.end(), std::back_inserter(news),
                 [](const auto& w) { return w.kind == ConfigIssue::Kind::kGeneral; });  // the others have codes
    if (!news.empty()) out.push_back(issue("PN-CONFIG-WARNING", news));
    if (seen.config && seen.config->links.empty())
        out.push_back(found("PN-CONFIG-NO-LINK", {}, {}, {{"file", seen.file}}));
    for (const auto& [link, error] : seen.tokens) {
        if (error.sys == EACCES && !seen.root) {
            out.push_back(skipped(Step::kConfig, link, {}, kNoRoot));
            out.back().evidence.emplace_back("file", error.hint);
            continue;
        }
        out.push_back(found("PN-CONFIG-TOKEN", link, {}, {{"file", error.hint}, {"problem", told_value(error.what)}}));
        if (error.sys != 0) out.back().evidence.emplace_back("errno", std::to_string(error.sys));
    }
    files(seen, out);
    if (!out.empty()) return out;
    std::string links;
    for (const auto& link : seen.config->links)
        core::add_item(links, link.name);
    return {passed(Step::kConfig, {}, {}, {{"file", seen.file}, {"links", links}})};
}

Findings judge_agent(const AgentSeen& seen) {
    const Values v = {{"listen", seen.listen.text()},
                      {"problem", told_value(seen.problem)},
                      {"holder", seen.holder.empty() ? catalogued("words", "some_program") : told_value(seen.holder)},
                      {"pid", seen.pid > 0 ? std::to_string(seen.pid) : ""},
                      {"file", seen.config},
                      {"changed", seen.changed},
                      {"loaded", seen.loaded}};
    switch (seen.state == AgentState::kAnswers && !seen.problem.empty() ? AgentState::kDown : seen.state) {
        case AgentState::kAnswers:
            break;
        case AgentState::kDown:
            return {found("PN-AGENT-DOWN", {}, {}, v)};
        case AgentState::kHangs:
            return {found("PN-AGENT-HANGS", {}, {}, v)};
        case AgentState::kForeign:
            return {found("PN-AGENT-FOREIGN", {}, {}, v)};
        case AgentState::kElsewhere:
            return {found("PN-AGENT-ELSEWHERE", {}, {}, v)};
        case AgentState::kNoPorts:
            return {found("PN-LOCAL-PORTS", {}, {}, v), skipped(Step::kAgent, {}, {}, "PN-LOCAL-PORTS")};
        case AgentState::kNoFiles:
            return {found("PN-LOCAL-FILES", {}, {}, v), skipped(Step::kAgent, {}, {}, "PN-LOCAL-FILES")};
    }
    Findings out;
    if (seen.older) out.push_back(found("PN-CONFIG-OLDER", {}, {}, v));
    for (const Fault& fault : seen.faults) {
        if (!seen.older || fault.code != "PN-CONFIG-OLDER") out.push_back({fault, find_code(fault.code)->step, {}, {}});
    }
    for (Finding& f : out) {  // what it answers and probes is not what the file says
        if (f.code == "PN-CONFIG-OLDER" && seen.other_links) f.state = State::kFail;
    }
    const bool judged = std::any_of(out.begin(), out.end(), [](const auto& f) { return f.step == Step::kAgent; });
    if (!judged) out.push_back(passed(Step::kAgent, {}, {}, {{"version", seen.version}}));
    return out;
}

}  // namespace postern::agent::doctor
