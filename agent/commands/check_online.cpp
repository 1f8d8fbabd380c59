// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/check_online.h"

#include <fmt/format.h>

#include <unistd.h>

#include <cerrno>
#include <map>

#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/cloud/clients.h"
#include "agent/cloud/credential_sources.h"
#include "agent/commands/cli.h"
#include "agent/discovery/discovery_sources.h"
#include "agent/discovery/source_key.h"
#include "agent/fleet/fleet_client.h"
#include "agent/text/terminal.h"
#include "core/text.h"

namespace postern::agent {
namespace {

class OnlineCheck {
  public:
    OnlineCheck(const Config& config, const std::optional<ServiceEyes>& eyes)
        : config_(config),
          eyes_(eyes),
          lookup_(loop_, clock_),
          cloud_(loop_, clock_, random_, lookup_, config.aliyun),
          fleet_(clock_, random_, cloud_),
          sources_(clock_, &loop_, fleet_.source, lookup_, is_stand_in(config.aliyun)),
          turn_(clock_) {
        lookup_.set_upstreams(upstreams_of(config));
        fleet_.configure(config);
    }

    int run() {
        bool api = false;
        for (const auto& link : config_.links) {
            api = api || source_kind(link) == "api";
            for (const auto& key : source_keys(link))
                answers_.emplace(key, std::nullopt);
        }
        if (answers_.empty()) {
            say("online: no link has a source to ask for addresses");
            return kExitGood;
        }
        int code = tell_service();
        if (api) code = std::max(code, tell_credentials_files());
        if (api) tell_credentials();
        int code_of_list = kExitGood;
        if (config_.fleet.configured()) code_of_list = tell_list();
        ask_all();
        if (api) say(core::message("region {}", region()));
        if (failed_ && !config_.fleet.configured()) code = kExitFailed;
        code = std::max(code, code_of_list);
        for (const auto& link : config_.links)
            code = std::max(code, tell(link));
        return code;
    }

  private:
    static void say(const core::Message& line) { print(told(line) + "\n"); }
    /// A row below a line.
    static void row(const core::Message& key, const core::Message& value) {
        print(fmt::format("  {} {}\n", pad(told(key), 16), told(value)));
    }

    core::Message region() const {
        if (!config_.aliyun.region.empty()) return core::message("{} (configured)", config_.aliyun.region);
        const auto& identity = cloud_.metadata.known_identity();
        return identity.region.empty() ? "not known" : core::message("{} (of this instance)", identity.region);
    }

    /// Runs the loop until `done`; every client has its own timeouts.
    template <class Done>
    void wait(Done done) {
        while (!done() && loop_.run_once()) {
        }
    }

    /// With whose eyes this command looks, and what it could not see so.
    int tell_service() const {
        if (!eyes_) {
            say("service: none installed with this configuration; the environment and the user are this command's");
            return kExitGood;
        }
        const auto environment = process_environment();
        const std::string home = environment("HOME");
        say(core::message("service: {}, user {}, {}", eyes_->unit.path, eyes_->user,
                          home.empty() ? core::Message("no HOME") : core::Message("HOME " + home)));
        std::string names;  // the values may be secrets
        for (const auto& [name, value] : eyes_->unit.environment)
            core::add_item(names, name);
        row("environment", names.empty() ? core::Message("nothing of its own") : core::Message(names));
        for (const core::Message& what : eyes_->not_checked)
            row("not checked", what);
        return eyes_->not_checked.empty() ? kExitGood : kExitWarning;
    }

    /// Files of credentials that are there, but not for the service.
    int tell_credentials_files() const {
        int code = kExitGood;
        for (const std::string& path : credential_files(process_environment())) {
            const core::Message why = eyes_ && !path.empty() ? eyes_->cannot_read(path) : core::Message();
            if (why.empty() || (::access(path.c_str(), F_OK) != 0 && errno == ENOENT)) continue;
            row("credentials", why);
            code = kExitWarning;
        }
        return code;
    }

    void tell_credentials() {
        std::optional<core::Result<Credentials>> keys;
        cloud_.credentials->get([&](core::Result<Credentials> result) { keys = std::move(result); });
        wait([&] { return keys.has_value(); });
        failed_ = !keys || !*keys;
        if (failed_) {
            say("credentials: none");
        } else {
            const core::Message source = (*keys)->provider;
            say(core::message("credentials: {}", (*keys)->principal.empty()
                                                     ? source
                                                     : core::message("{} ({})", source, (*keys)->principal)));
        }
        const auto& attempts = cloud_.credentials->attempts();
        for (const auto& name : cloud_.credentials->source_names()) {
            const auto it =
                std::find_if(attempts.begin(), attempts.end(), [&](const auto& a) { return a.source == name; });
            row(std::string(name), it == attempts.end() ? "not asked: an earlier one is used"
                                   : it->used           ? "used"
                                   : it->set_up         ? core::message("failing: {}", it->told())
                                                        : core::message("not set up: {}", it->told()));
        }
        if (failed_) say("  → attach a RAM role to this ECS instance, or see ENVIRONMENT in postern(1)");
    }

    int tell_list() {
        turn_.start_in(0, [this] { fleet_.reader.start(); });
        wait([&] { return fleet_.reader.status().asked; });
        fleet_.reader.stop();
        const ListStatus& s = fleet_.reader.status();
        const core::Message head = core::message("list {} of the fleet {}", s.place, s.fleet);
        if (s.unreachable) {
            say(core::message("{}: {}", head, s.unreachable->whole()));
            return kExitFailed;
        }
        if (s.refused) {
            say(core::message("{}: not used ({}): {}", head, to_string(s.refused->problem), s.refused->detail));
            return kExitFailed;
        }
        const FleetList& list = *s.list;
        say(core::message("{}: generation {}, written {} by {}, valid until {}, {} endpoints", head,
                          list.number.generation, core::format_utc(list.number.written_wall_us), list.publisher,
                          core::format_utc(list.not_after_wall_us), list.endpoints.size()));
        return list.old(clock_.wall_us()) ? kExitWarning : kExitGood;
    }

    void ask_all() {
        std::size_t missing = answers_.size();
        // From the loop, as the providers expect.
        turn_.start_in(0, [this, &missing] {
            for (auto& [key, answer] : answers_) {
                sources_.describe_endpoint(key, [&missing, to = &answer](core::Result<EndpointReport> report) {
                    *to = std::move(report);
                    --missing;
                });
            }
        });
        wait([&] { return missing == 0; });
    }

    int tell(const LinkConfig& link) const {
        int code = kExitGood;
        for (const auto& key : source_keys(link)) {
            const auto& answer = answers_.at(key);
            const core::Message head = core::message("link {}: {}", link.name, key);
            if (!answer || !*answer) {
                const core::Error error =
                    answer ? answer->error() : core::Error{core::Code::kInternal, "no answer", "", 0};
                say(core::message("{}: {}", head, error.whole()));
                code = kExitFailed;
                continue;
            }
            const EndpointSet ready = ready_addresses(**answer, link.zones);
            if (ready.empty()) code = std::max(code, kExitWarning);
            core::Message what = ready.empty() ? why_not_ready(**answer, link.zones) : core::Message(describe(ready));
            if (!(*answer)->request_id.empty())
                what = core::message("{} (RequestId {})", std::move(what), (*answer)->request_id);
            say(core::message("{}: {}", head, std::move(what)));
        }
        return code;
    }

    const Config& config_;
    const std::optional<ServiceEyes>& eyes_;
    core::Loop loop_;
    core::SystemClock clock_{loop_};
    core::SystemRandom random_;
    AresLookup lookup_;
    CloudStack cloud_;
    FleetClient fleet_;
    DiscoverySources sources_;
    core::Timer turn_;
    std::map<std::string, std::optional<core::Result<EndpointReport>>> answers_;
    bool failed_ = false;
};

}  // namespace

int check_online(const Config& config, const std::optional<ServiceEyes>& eyes) {
    return OnlineCheck(config, eyes).run();
}

}  // namespace postern::agent
