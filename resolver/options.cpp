// SPDX-License-Identifier: Apache-2.0
#include "resolver/options.h"

#include <charconv>

#include "core/file_system.h"

namespace postern::resolver {

namespace {
constexpr int kMaxSockets = 64;
}

const char* const kUsageText =
    "usage: postern-resolver --plan FILE [FILE] [--stats FILE] [--fallback FILE] [--sockets N]\n"
    "\n"
    "The data plane of postern: answers the names of the plan and forwards everything else.\n"
    "\n"
    "  --plan FILE      the current plan, watched for changes; a second one is the durable copy for a cold start\n"
    "  --stats FILE     where to keep the counters for the agent\n"
    "  --fallback FILE  listen addresses, upstreams and names to use when no plan is valid\n"
    "  --sockets N      N listening sockets are open as descriptors 3, 4, ... (how postern passes them)\n"
    "  --version        print the version\n"
    "  --help           print this\n"
    "\n"
    "Sockets are taken from --sockets or LISTEN_FDS, else bound as the plan says. Signals: TERM and INT end\n"
    "it, HUP reads the files again. Exit codes: 0 ended by a signal, 2 failed (see the log), 3 wrong usage.\n"
    "See postern-resolver(8).\n";

std::string Options::lock_path() const {
    return core::folder_of(stats.empty() ? paths.plans.front() : stats) + "/resolver.lock";
}

core::Result<Options> parse_options(std::vector<std::string> arguments) {
    Options out;
    const auto wrong = [](const std::string& what, const std::string& hint) {
        return core::fail(core::Code::kUsage, what, hint);
    };
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        std::string key = arguments[i];
        if (key == "--help" || key == "-h") {
            out.help = true;
            return out;
        }
        if (key == "--version") {
            out.version = true;
            return out;
        }
        std::string value;
        const auto equals = key.find('=');
        if (equals != std::string::npos) {
            value = key.substr(equals + 1);
            key.resize(equals);
        }
        if (key != "--plan" && key != "--stats" && key != "--fallback" && key != "--sockets") {
            return wrong("unknown argument \"" + arguments[i] + "\", expected --plan, --stats, --fallback or --sockets",
                         "run postern-resolver --help");
        }
        if (equals == std::string::npos && i + 1 < arguments.size()) value = arguments[++i];
        if (value.empty() || value.starts_with("--")) {
            return wrong(key + " has no value, expected the path of a file", "write " + key + " FILE");
        }
        if (key == "--plan") {
            if (out.paths.plans.size() == 2) {
                return wrong("--plan is given more than twice, expected the current and the durable plan",
                             "remove one");
            }
            out.paths.plans.push_back(value);
            // "--plan CURRENT DURABLE" is the same as giving the option twice.
            const bool another = i + 1 < arguments.size() && !arguments[i + 1].starts_with("--");
            if (another) arguments.insert(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, "--plan");
        } else if (key == "--sockets") {
            const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out.sockets);
            if (error != std::errc{} || end != value.data() + value.size() || out.sockets < 1 ||
                out.sockets > kMaxSockets) {
                return wrong(
                    "--sockets is \"" + value + "\", expected a number from 1 to " + std::to_string(kMaxSockets),
                    "leave it out: sockets are bound as the plan says");
            }
        } else {
            std::string& target = key == "--stats" ? out.stats : out.paths.fallback;
            if (!target.empty()) return wrong(key + " is given twice, expected once", "remove one");
            target = value;
        }
    }
    if (out.paths.plans.empty()) {
        return wrong("no plan is given, expected at least one --plan FILE",
                     "for instance: postern-resolver --plan /run/postern/plan --stats /run/postern-resolver/stats");
    }
    return out;
}

}  // namespace postern::resolver
