// SPDX-License-Identifier: Apache-2.0
// `postern publish list` and `postern publish run`: asks the cloud for all endpoints, and hands the answers to the
// Publisher.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/cloud/clients.h"
#include "agent/commands/cli.h"
#include "agent/discovery/source_key.h"
#include "agent/fleet/fleet_client.h"
#include "agent/fleet/key_file.h"
#include "agent/fleet/publisher.h"
#include "agent/hostdns/instance.h"
#include "agent/text/terminal.h"
#include "core/log.h"
#include "core/printable.h"
#include "core/service_notify.h"
#include "core/text.h"

namespace postern::agent {
namespace {

using core::Code;
using core::Error;

constexpr Micros kLookForInterruption = 100 * core::kMillisecond;
constexpr std::size_t kParallel = 4;  // a hundred endpoints must not be a burst

core::Result<PublishPlan> plan_of(const PublishListCommand& command, const Config& config) {
    PublishPlan plan;
    const std::string to = command.to.empty() ? config.fleet.list_url : command.to;
    if (to.empty())
        return core::fail(Code::kUsage, "where to write the list is not known",
                          "give --to oss://BUCKET/KEY, or list_url in [fleet]");
    auto place = parse_object_place(to);
    if (!place) return core::fail(std::move(place.error()));
    plan.current = std::move(*place);
    plan.fleet = command.fleet.empty() ? config.fleet.name : command.fleet;
    plan.publisher = command.publisher.empty() ? host_name() : command.publisher;
    plan.validity_us = command.validity_us;
    plan.replace = command.replace;
    plan.dry_run = command.dry_run;
    for (const auto& file : command.key_files) {
        auto key = read_key_file(file);
        if (!key) return core::fail(std::move(key.error()));
        plan.keys.push_back(std::move(*key));
    }
    for (const auto& text : config.fleet.list_keys) {
        if (auto key = PublicKey::parse(text)) plan.trusted.push_back(std::move(*key));
    }
    return plan;
}

class ListRun {
  public:
    ListRun(const PublishListCommand& command, Config config, PublishPlan plan)
        : command_(command),
          config_(std::move(config)),
          interruptible_(command.beat),
          lookup_(loop_, clock_),
          cloud_(loop_, clock_, random_, lookup_, config_.aliyun) {
        lookup_.set_upstreams(upstreams_of(config_));
        store_.configure(store_options(config_));
        publisher_ = std::make_unique<Publisher>(clock_, store_, std::move(plan));
        keep_turning();
    }

    int once() {
        const auto published = round();
        if (!published) {
            complain("publish list", published.error());
            return published.error().code == Code::kCancelled ? kExitUnknown : kExitFailed;
        }
        tell(*published);
        return published->kept.empty() && published->missing.empty() ? kExitGood : kExitWarning;
    }

    int forever() {
        core::notify_service("READY=1");
        core::log_info("publisher_started", "the list is kept up to date");
        while (!interruptible_.interrupted()) {
            if (interruptible_.reload_asked()) reload();
            const Micros began = clock_.mono_us();
            const auto published = round();
            if (interruptible_.interrupted()) break;
            note(published);
            const Micros interval = config_.aliyun.poll_interval_us;
            sleep_until(began + interval * 9 / 10 +
                        static_cast<Micros>(random_.below(static_cast<std::uint64_t>(interval / 5 + 1))));
        }
        core::log_info("publisher_stopped", "the list is not kept up to date any more");
        return kExitGood;
    }

  private:
    /// A signal only sets a flag: the loop must wake up to see it.
    void keep_turning() {
        turn_.start_in(kLookForInterruption, [this] { keep_turning(); });
    }
    template <class Ready>
    bool wait(Ready ready) {
        while (!ready() && !interruptible_.interrupted())
            loop_.run_once();
        return ready();
    }
    void sleep_until(Micros mono_us) {
        wait([&] { return clock_.mono_us() >= mono_us || interruptible_.reload_asked(); });
    }

    /// The file and the keys again, both or none.
    void reload() {
        interruptible_.forget_reload();
        auto fresh = load_config(command_.config);
        std::string problem = fresh ? "" : format_issue(command_.config, fresh.error().front());
        core::Result<PublishPlan> plan;
        if (fresh) plan = plan_of(command_, *fresh);
        if (fresh && !plan) problem = plan.error().text();
        if (!problem.empty()) {
            core::log_warning("publisher_config_refused", problem + "; the present configuration stays");
            return;
        }
        config_ = std::move(*fresh);
        core::configure_log(config_.agent.log_level, config_.agent.log_format);
        lookup_.set_upstreams(upstreams_of(config_));
        cloud_.configure(config_.aliyun);
        store_.configure(store_options(config_));
        publisher_->use(std::move(*plan));
        core::log_info("publisher_config_reloaded", "the configuration and the keys were read again",
                       {{"links", std::to_string(config_.links.size())}});
    }

    core::Result<Published> round() {
        auto keys = wanted();
        if (!keys) return core::fail(std::move(keys.error()));
        answers_.clear();
        asking_ = 0;
        to_ask_ = std::move(*keys);
        // From the loop, as the providers expect.
        start_.start_in(0, [this] { ask_more(); });
        if (!wait([this] { return to_ask_.empty() && asking_ == 0; }))
            return core::fail(Code::kCancelled, "interrupted");
        std::optional<core::Result<Published>> out;
        start_.start_in(0, [this, &out] {
            publisher_->publish(std::move(answers_),
                                [&out](core::Result<Published> result) { out = std::move(result); });
        });
        if (!wait([&out] { return out.has_value(); })) {
            publisher_.reset();  // no callback into `out`
            return core::fail(Code::kCancelled, "interrupted");
        }
        return std::move(*out);
    }

    void ask_more() {
        while (asking_ < kParallel && !to_ask_.empty()) {
            const std::string key = *to_ask_.begin();
            to_ask_.erase(to_ask_.begin());
            ++asking_;
            cloud_.privatelink.describe_endpoint(key, [this, key](core::Result<EndpointReport> report) {
                if (report) refuse_impossible(*report, is_stand_in(config_.aliyun));
                if (!report) errors_[key] = report.error();
                answers_.insert_or_assign(key, std::move(report));
                --asking_;
                if (!start_.pending()) start_.start_in(0, [this] { ask_more(); });
            });
        }
    }

    /// The endpoints that were named, or all that the links have from the API.
    core::Result<std::set<std::string>> wanted() {
        if (!command_.endpoints.empty())
            return std::set<std::string>(command_.endpoints.begin(), command_.endpoints.end());
        std::set<std::string> out;
        for (const auto& link : config_.links) {
            if (source_kind(link) != "api") continue;
            for (const auto& key : source_keys(link)) {
                auto query = parse_query_key(key);
                if (query && query->vpc.empty()) {
                    // A search without a VPC means the host's own: in a list it has to be named.
                    const std::string vpc = own_vpc();
                    if (vpc.empty())
                        return core::fail(Code::kConfigBadValue,
                                          core::message("the VPC of the search of the link {} is not known", link.name),
                                          "name it: endpoint = { …, vpc = \"vpc-…\" }");
                    query->vpc = vpc;
                    out.insert(query_key(*query));
                } else {
                    out.insert(key);
                }
            }
        }
        if (out.empty())
            return core::fail(Code::kConfigBadValue, core::message("no link of {} has an endpoint", config_.path),
                              "name them: --endpoint ep-…");
        return out;
    }
    std::string own_vpc() {
        bool known = false;
        start_.start_in(0, [this, &known] {
            cloud_.metadata.identity([&known](const core::Result<InstanceIdentity>&) { known = true; });
        });
        wait([&known] { return known; });
        return cloud_.metadata.known_identity().vpc;
    }

    void tell(const Published& p) {
        for (const auto& key : p.kept)
            complain("publish list", core::message("{} keeps what the list had: {}", key, errors_[key].whole()));
        for (const auto& key : p.missing)
            complain("publish list", core::message("{} is not in the list: {}", key, errors_[key].whole()));
        if (p.versioned)
            complain("publish list",
                     "the bucket keeps versions, so OSS ignores that a generation must not be written over; "
                     "two publishers are kept apart by reading back alone");
        if (command_.dry_run && !command_.json) return print(core::printable_json(p.bytes));
        if (command_.json) {
            nlohmann::ordered_json out = {{"schema_version", 1},
                                          {"written", p.written},
                                          {"dry_run", command_.dry_run},
                                          {"fleet", p.list.fleet},
                                          {"generation", p.list.number.generation},
                                          {"publisher", p.list.publisher},
                                          {"written_at", core::format_utc(p.list.number.written_wall_us)},
                                          {"not_after", core::format_utc(p.list.not_after_wall_us)},
                                          {"endpoints", p.list.endpoints.size()},
                                          {"kept", p.kept},
                                          {"missing", p.missing}};
            return print(core::printable_json(out.dump(2)) + "\n");
        }
        const core::Message list =
            core::message("generation {} of {}, {} endpoints, valid until {}", p.list.number.generation, p.list.fleet,
                          p.list.endpoints.size(), core::format_utc(p.list.not_after_wall_us));
        print(told(p.written ? core::message("written: {}", list) : core::message("up to date: {}", list)) + "\n");
    }

    /// One line for each change of what happens.
    void note(const core::Result<Published>& published) {
        std::string problem = published ? "" : published.error().text();
        if (published) {
            for (const auto* keys : {&published->kept, &published->missing}) {
                for (const auto& key : *keys)
                    core::add_item(problem, key + ": " + errors_[key].text());
            }
        }
        if (published && published->written)
            core::log_info("list_published", "generation " + std::to_string(published->list.number.generation),
                           {{"endpoints", std::to_string(published->list.endpoints.size())}});
        if (problem == problem_) return;
        if (!problem.empty()) core::log_warning("list_not_published", problem + "; what the list had stays");
        if (problem.empty()) core::log_info("list_publishing_recovered", "the list is published again");
        problem_ = problem;
    }

    const PublishListCommand& command_;
    Config config_;
    Interruptible interruptible_;
    core::Loop loop_;
    core::SystemClock clock_{loop_};
    core::SystemRandom random_;
    AresLookup lookup_;
    CloudStack cloud_;
    ObjectStore store_{clock_, cloud_.http, *cloud_.credentials, cloud_.metadata, process_environment()};
    std::unique_ptr<Publisher> publisher_;
    core::Timer start_{clock_}, turn_{clock_};
    std::set<std::string> to_ask_;
    std::size_t asking_ = 0;
    Publisher::Answers answers_;
    std::map<std::string, Error> errors_;
    std::string problem_;
};

}  // namespace

int run_command(const PublishListCommand& command) {
    const std::string name = command.beat ? "publish run" : "publish list";
    const auto config = config_or_complain(name, command.config);
    if (!config) return kExitUnknown;
    if (!command.beat) core::configure_log(core::Level::kWarning, core::LogFormat::kText);
    if (command.beat) core::configure_log(config->agent.log_level, config->agent.log_format);
    auto plan = plan_of(command, *config);
    if (!plan) {
        complain(name, plan.error());
        return plan.error().code == Code::kUsage ? kExitUnknown : kExitFailed;
    }
    ListRun run(command, *config, std::move(*plan));
    return command.beat ? run.forever() : run.once();
}

}  // namespace postern::agent
