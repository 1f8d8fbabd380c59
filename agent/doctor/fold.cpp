// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/fold.h"

#include "agent/faults/codes.h"

namespace postern::agent::doctor {

namespace {

/// Whether `names` (separated by blanks) contains `code`.
bool lists(std::string_view names, std::string_view code) {
    while (!names.empty()) {
        const auto end = names.find(' ');
        if (names.substr(0, end) == code) return true;
        if (end == std::string_view::npos) return false;
        names.remove_prefix(end + 1);
    }
    return false;
}

bool about_the_same(const Finding& cause, const Finding& effect) {
    const auto meets = [](const std::string& a, const std::string& b) { return a.empty() || b.empty() || a == b; };
    return meets(cause.link, effect.link) && meets(cause.ip, effect.ip);
}

}  // namespace

void fold(const Findings& earlier, Findings& now) {
    // Follow causes to the root: a → b → c folds c under a.
    const auto cause_of = [&](const Finding& f) -> const Finding* {
        const CodeInfo* info = find_code(f.code);
        if (info == nullptr) return nullptr;
        for (const auto* list : {&earlier, static_cast<const Findings*>(&now)}) {
            for (const Finding& cause : *list) {
                const bool enough =
                    cause.state == State::kFail || (cause.state == State::kWarn && f.state == State::kWarn);
                if (enough && lists(info->explained_by, cause.code) && about_the_same(cause, f)) return &cause;
            }
        }
        return nullptr;
    };
    std::vector<std::pair<Finding*, std::string>> folded;
    for (Finding& f : now) {
        if (f.state != State::kFail && f.state != State::kWarn) continue;
        const Finding* cause = cause_of(f);
        if (cause == nullptr) continue;
        for (const Finding* root = cause_of(*cause); root != nullptr; root = cause_of(*cause))
            cause = root;
        folded.emplace_back(&f, cause->code);
    }
    for (auto& [finding, code] : folded) {
        // What was skipped because of it has the same root cause.
        for (Finding& f : now) {
            if (f.state == State::kSkip && f.because == finding->code && about_the_same(*finding, f)) f.because = code;
        }
        finding->state = State::kSkip;
        finding->because = std::move(code);
    }
}

}  // namespace postern::agent::doctor
