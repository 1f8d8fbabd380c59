// SPDX-License-Identifier: Apache-2.0
// The way of a name and of a connection, step by step, as status and the page show it: of this host (its programs, the
// resolver, the upstreams) and of each link (credentials to connections). A step that can't be seen is skipped, with the
// step that hides it; it is never told to fail. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/faults/catalogue.h"
#include "agent/faults/fault.h"
#include "agent/status/status.h"

namespace postern::agent {

struct PathStep {
    std::string_view step;  // "host", "resolver", "upstreams"; "credentials", …: the catalogue's "path" has its name
    doctor::State state = doctor::State::kSkip;
    std::string_view says;  // a key of the catalogue's "path", filled with:
    doctor::Values values;
    std::optional<Fault> fault;  // told instead of `says`
    std::string sentence;        // in English, instead of both: what a part of the agent said in its own words
};

/// Of this host, whatever the link: "host", "resolver", "upstreams".
std::vector<PathStep> host_steps(const StatusSnapshot& snapshot);
/// Of a link: "credentials", "endpoint", "dns", "group", "tcp", "tls", "http", "sql", "connections".
std::vector<PathStep> link_steps(const StatusSnapshot& snapshot, const LinkStatus& link);
/// The worst of them. kSkip only if all are skipped.
doctor::State worst_of(const std::vector<PathStep>& steps);

std::string name_of(const PathStep& step, const doctor::Catalogue& words);  // "Security group"
std::string text_of(const PathStep& step, const doctor::Catalogue& words);  // "1 of 2 time out"

}  // namespace postern::agent
