// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "agent/doctor/report.h"
#include "agent/text/terminal.h"

namespace postern::agent::doctor {

namespace {

constexpr const char* kHosts = "/etc/hosts";
constexpr int kMaxCopies = 100;

std::string value_of(const Finding& f, std::string_view name) {
    const auto found = f.values.find(name);
    return found == f.values.end() ? "" : found->second;
}

std::string words_of(const DnsRepair& repair) {
    if (repair.verb == DnsRepair::Verb::kReapply) return "postern dns reapply";
    return repair.mode == Mode::kFull ? "postern dns enable --mode full" : "postern dns enable";
}

bool same(const HostsLine& a, const HostsLine& b) {
    return a.line == b.line && a.text == b.text;
}

}  // namespace

Repairs plan_repairs(const Findings& findings) {
    Repairs plan;
    const auto take_over = [&](DnsRepair::Verb verb, Mode mode) {
        // enable makes a new decision and so includes reapply.
        if (plan.dns && plan.dns->verb == DnsRepair::Verb::kEnable &&
            (verb != DnsRepair::Verb::kEnable || mode == Mode::kAuto))
            return;
        plan.dns = DnsRepair{verb, mode};
    };
    for (const Finding& f : findings) {
        if (f.state != State::kFail && f.state != State::kWarn) continue;
        if (f.code == "PN-HOSTS-SHADOW" || f.code == "PN-HOSTS-FROZEN" || f.code == "PN-HOSTS-REVERSED") {
            plan.hosts.push_back({std::atoi(value_of(f, "line").c_str()), value_of(f, "name"), value_of(f, "text"),
                                  f.code == "PN-HOSTS-REVERSED"});
        } else if (f.code == "PN-RESOLV-OFF") {
            take_over(DnsRepair::Verb::kEnable, Mode::kAuto);
        } else if (f.code == "PN-RESOLV-ROTATE" || f.code == "PN-RESOLV-SECOND") {
            take_over(DnsRepair::Verb::kEnable, Mode::kFull);
        } else if (f.code == "PN-RESOLV-CHANGED") {
            take_over(DnsRepair::Verb::kReapply, Mode::kAuto);
        } else if (f.step == Step::kResolvConf || f.step == Step::kHosts) {
            plan.by_hand.push_back(f);  // it recovers by itself, or another program has to be stopped first
        }
    }
    return plan;
}

std::string text_of(const Repairs& plan, const Catalogue& words) {
    std::string out;
    int number = 0;
    const auto step = [&](std::string_view key, const Values& values) {
        out += fmt::format("  {}. {}\n", ++number, printable(words.text("words", key, values)));
    };
    for (const auto& line : plan.hosts)
        step("fix_hosts", {{"line", std::to_string(line.line)}, {"text", line.text}});
    if (plan.dns) step("fix_dns", {{"command", words_of(*plan.dns)}});
    if (!out.empty()) out.insert(0, words.text("words", "fix_plan") + "\n");
    for (const Finding& f : plan.by_hand)
        out += fmt::format("{}: {}: {}\n", words.text("words", "fix_by_hand"), f.code,
                           printable(words.of(f.code, "fix", f.values)));
    return out;
}

core::Result<std::string> fix_hosts(HostSystem& host, const std::vector<HostsLine>& planned,
                                    const std::vector<std::string>& names, core::Micros wall_us) {
    const std::string path = host.real_path(kHosts);
    auto state = host.look(path);
    if (!state) return core::fail(state.error());
    const auto now = hosts_findings(state->content, names);
    std::set<int> lines;
    for (const auto& line : planned) {
        if (std::any_of(now.begin(), now.end(), [&](const auto& seen) { return same(seen, line); }))
            lines.insert(line.line);
    }
    if (state->kind != FileState::Kind::kFile || lines.size() != planned.size())
        return core::fail(core::Code::kFileWrite, "/etc/hosts has changed meanwhile",
                          "look again: postern doctor --fix");
    if (host.is_immutable(path))
        return core::fail(core::Code::kPermission, core::message("{} is immutable", path),
                          core::message("chattr -i {}", path));
    const std::string stamped = fmt::format("{}.postern-{}", path, file_stamp(wall_us));
    std::string kept = stamped;
    for (int number = 2; number <= kMaxCopies; ++number) {
        const auto there = host.look(kept);
        if (there && there->kind == FileState::Kind::kAbsent) break;
        kept = fmt::format("{}.{}", stamped, number);
    }
    if (auto saved = host.put(kept, *state); !saved) return core::fail(saved.error());
    state->content = without_names(state->content, names, lines);
    if (auto written = host.put(path, *state); !written) return core::fail(written.error());
    return kept;
}

}  // namespace postern::agent::doctor
