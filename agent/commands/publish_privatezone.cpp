// SPDX-License-Identifier: Apache-2.0
// `postern publish privatezone`: the names as records of PrivateZone, for hosts without an agent.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/endpoint_command.h"
#include "agent/commands/publish_command.h"
#include "agent/publish/pvtz_store.h"
#include "agent/publish/terraform.h"
#include "agent/publish/zone_change.h"
#include "agent/text/terminal.h"
#include "agent/text/values.h"
#include "core/log.h"
#include "core/printable.h"
#include "core/text.h"

namespace postern::agent {
namespace {

using namespace publish;

constexpr const char* kName = "publish privatezone";

/// What became of one name, or would.
struct Outcome {
    std::string link, host, zone;
    core::Message explain;
    EndpointSet addresses;
    std::vector<Step> steps;  // done; in a dry run to be done
    ZonePlan::Left left = ZonePlan::Left::kNothing;
    core::Message why;
    Micros wait_us = 0;
    std::vector<core::Message> remarks;
    std::optional<core::Error> error = {};
    ApiError refusal = {};
};

std::string host_name() {
    std::array<char, 256> buffer{};
    if (::gethostname(buffer.data(), buffer.size() - 1) != 0) return "";
    return buffer.data();
}

/// A name that a note may carry, from the host's.
std::string publisher_of(const PublishPrivateZoneCommand& command) {
    std::string name = command.publisher.empty() ? host_name() : command.publisher;
    name = name.substr(0, kMaxPublisher);
    std::replace_if(
        name.begin(), name.end(), [](char c) { return !is_publisher(std::string_view(&c, 1)); }, '-');
    return name.empty() ? "postern" : name;
}

class PublishRun {
  public:
    PublishRun(const PublishPrivateZoneCommand& command, const Config& config)
        : command_(command),
          config_(config),
          session_(config, command.region, upstreams_of(config), [this] { return interruptible_.interrupted(); }),
          store_(session_) {}

    int run() {
        if (auto code = find_vpcs()) return *code;
        if (command_.common.undo) return undo();
        const auto names = names_to_publish(kName, config_, command_.common, interruptible_);
        if (!names) return fail(names.error());
        std::vector<NameWish> wishes;
        for (const auto& name : *names) {
            wishes.push_back({name.link->host, name.answer, command_.zone_lines, ttl_of(command_.common), vpcs_,
                              publisher_of(command_)});
            Outcome& out = outcomes_.emplace_back();
            out.link = name.link->name;
            out.host = name.link->host;
            out.addresses = name.answer;
            out.explain = name.explain;
            if (!name.addresses) {
                out.left = ZonePlan::Left::kNoAddress;
                out.why = "its addresses are not known: nothing is changed";
                out.error = name.addresses.error();
            }
        }
        if (command_.terraform) return print_terraform(wishes);
        for (std::size_t i = 0; i < wishes.size(); ++i) {
            if (wishes[i].addresses.empty()) continue;
            take(outcomes_[i], view_zone(store_, wishes[i], session_.wall_us()));
        }
        if (command_.common.dry_run) return finish();
        // In a script, calling it is the consent, as for endpoint create.
        if (changes() && !command_.common.yes) {
            const bool terminal = ::isatty(STDIN_FILENO) == 1;
            if (terminal) tell_plans();
            if (!ask(told("write this to PrivateZone?")).value_or(true))
                return fail({core::Code::kUsage, "not confirmed; nothing was changed", {}, 0});
        }
        for (std::size_t i = 0; i < wishes.size() && !session_.interrupted(); ++i) {
            if (outcomes_[i].error || outcomes_[i].addresses.empty()) continue;
            carry_out(outcomes_[i],
                      [&](const ChangeOptions& options) { return publish_zone(store_, wishes[i], options); });
        }
        return finish();
    }

  private:
    /// This host's VPC where none is given.
    std::optional<int> find_vpcs() {
        std::string region = command_.region.empty() ? config_.aliyun.region : command_.region;
        const bool all_named = std::all_of(command_.vpcs.begin(), command_.vpcs.end(),
                                           [](const std::string& text) { return text.find('/') != std::string::npos; });
        if (command_.vpcs.empty() || (!all_named && region.empty())) {
            const auto identity = session_.identity();
            if (identity && region.empty()) region = identity->region;
            if (command_.vpcs.empty() && identity && !identity->vpc.empty())
                vpcs_.push_back({identity->region.empty() ? region : identity->region, identity->vpc, ""});
        }
        for (const auto& text : command_.vpcs) {
            const auto slash = text.find('/');
            vpcs_.push_back(slash == std::string::npos ? BoundVpc{region, text, ""}
                                                       : BoundVpc{text.substr(0, slash), text.substr(slash + 1), ""});
        }
        if (command_.terraform) return std::nullopt;  // it is a text to complete
        if (vpcs_.empty()) {
            return fail({core::Code::kUsage, "the VPC of this host is not known", "give --vpc REGION/vpc-…", 0});
        }
        if (std::any_of(vpcs_.begin(), vpcs_.end(), [](const auto& vpc) { return vpc.region.empty(); })) {
            return fail({core::Code::kUsage, "the region of the VPC is not known", "give --vpc REGION/vpc-…", 0});
        }
        return std::nullopt;
    }

    int undo() {
        for (const auto& link : config_.links) {
            if (!command_.common.link.empty() && link.name != command_.common.link) continue;
            Outcome& out = outcomes_.emplace_back();
            out.link = link.name;
            out.host = link.host;
            take(out, view_undo(store_, link.host, vpcs_));
        }
        if (outcomes_.empty()) {
            return fail({core::Code::kUsage,
                         command_.common.link.empty()
                             ? "the configuration has no link"
                             : core::message("there is no link {}", shown(command_.common.link)),
                         "postern status lists the links", 0});
        }
        if (command_.common.dry_run || !changes()) return finish();
        if (!command_.common.yes) {
            tell_plans();
            const auto answer = ask(told("take this away?"));
            if (!answer) {
                return fail({core::Code::kUsage, "it asks first, and there is no terminal to ask on",
                             "give --yes to do it without a question", 0});
            }
            if (!*answer) return fail({core::Code::kUsage, "not confirmed; nothing was taken away", {}, 0});
        }
        for (Outcome& out : outcomes_) {
            if (out.error || session_.interrupted()) continue;
            carry_out(out, [&](const ChangeOptions& options) { return undo_zone(store_, out.host, vpcs_, options); });
        }
        return finish();
    }

    void take(Outcome& out, core::Result<ZoneView> view) {
        if (!view) return fail(out, view.error());
        out.zone = view->zone ? view->zone->id : "";
        take(out, std::move(view->plan));
    }
    static void take(Outcome& out, ZonePlan plan) {
        out.steps = std::move(plan.steps);
        out.left = plan.left;
        out.why = std::move(plan.why);
        out.wait_us = plan.wait_us;
        out.remarks = std::move(plan.remarks);
    }
    void fail(Outcome& out, const core::Error& error) {
        out.error = error;
        out.refusal = session_.refusal();
    }

    template <class Change>
    void carry_out(Outcome& out, Change change) {
        std::vector<Step> done;
        auto result = change(ChangeOptions{.wall_us = [this] { return session_.wall_us(); },
                                           .sleep = [this](Micros us) { return session_.sleep(us); },
                                           .told = [&done](const Step& step) { done.push_back(step); }});
        if (result) {
            out.zone = result->zone;
            take(out, std::move(result->rest));
        } else {
            fail(out, result.error());
        }
        out.steps = std::move(done);
    }

    bool changes() const {
        return std::any_of(outcomes_.begin(), outcomes_.end(), [](const Outcome& out) {
            return std::any_of(out.steps.begin(), out.steps.end(),
                               [](const Step& step) { return step.kind != Step::Kind::kNote; });
        });
    }

    int print_terraform(std::vector<NameWish> wishes) {
        std::erase_if(wishes, [](const NameWish& wish) { return wish.addresses.empty(); });
        for (const Outcome& out : outcomes_) {
            if (out.error) tell_failure(std::string(kName) + ": " + out.link, *out.error);
        }
        print(terraform(wishes));
        return code();
    }

    void tell_plans() const {
        for (const Outcome& out : outcomes_)
            print_note(text_of(out, true));
    }

    std::string text_of(const Outcome& out, bool not_done) const {
        std::string text = fmt::format("{} ({})", out.host, out.link);
        if (!out.addresses.empty()) text += ": " + agent::describe(out.addresses);
        text += "\n";
        const auto row = [&text](const core::Message& line) { text += "  " + told(line) + "\n"; };
        if (!out.explain.empty()) row(core::message("probed: {}", out.explain));
        for (const Step& step : out.steps) {
            core::Message what = publish::describe(step, out.host);
            row(not_done ? core::message("would {}", std::move(what)) : std::move(what));
        }
        for (const auto& remark : out.remarks)
            row(core::message("note: {}", remark));
        if (!out.why.empty()) row(core::message("left: {}", out.why));
        if (out.steps.empty() && out.why.empty() && !out.error)
            row(command_.common.undo ? "nothing of postern's is there" : "as it should be");
        return core::printable_lines(text, "\n");  // the API's texts may hold anything
    }

    Json json_of(const Outcome& out) const {
        Json steps = Json::array(), addresses = Json::array();
        for (const Step& step : out.steps) {
            Json one = {{"step", to_string(step.kind)}, {"text", publish::describe(step, out.host).text()}};
            if (!step.record.type.empty()) {
                one["type"] = step.record.type;
                one["value"] = step.record.value;
                one["line"] = step.record.line;
                one["ttl"] = step.record.ttl_s;
            }
            if (step.kind == Step::Kind::kBind) {
                one["vpcs"] = Json::array();
                for (const auto& vpc : step.vpcs)
                    one["vpcs"].push_back(vpc.vpc);
            }
            steps.push_back(std::move(one));
        }
        for (const auto& a : out.addresses)
            addresses.push_back({{"ip", a.ip.text()}, {"zone", a.zone}, {"endpoint", a.endpoint}});
        Json remarks = Json::array();
        for (const auto& remark : out.remarks)
            remarks.push_back(remark.text());
        Json body = {{"link", out.link},
                     {"name", out.host},
                     {"zone", out.zone},
                     {"addresses", addresses},
                     {"explain", out.explain.text()},
                     {"steps", steps},
                     {"remarks", remarks},
                     {"left", to_string(out.left)},
                     {"why", out.why.text()},
                     {"wait_s", (out.wait_us + core::kSecond - 1) / core::kSecond}};
        body["error"] = out.error ? error_json(*out.error, out.refusal) : Json();
        return body;
    }

    int code() const {
        int worst = kExitGood;
        for (const Outcome& out : outcomes_) {
            if (out.error && out.error->code == core::Code::kCancelled) return kExitUnknown;
            if (out.error) worst = kExitFailed;
            if (out.left != ZonePlan::Left::kNothing && worst == kExitGood) worst = kExitWarning;
        }
        return session_.interrupted() ? kExitUnknown : worst;
    }

    int finish() {
        if (command_.common.json) {
            Json names = Json::array();
            for (const Outcome& out : outcomes_)
                names.push_back(json_of(out));
            print_json({{"dry_run", command_.common.dry_run}, {"undo", command_.common.undo}, {"names", names}});
        }
        for (const Outcome& out : outcomes_) {
            if (!command_.common.json) print(text_of(out, command_.common.dry_run));
            if (out.error) tell_failure(std::string(kName) + ": " + out.link, *out.error);
        }
        if (session_.interrupted()) complain(kName, "interrupted; the next run completes what was begun");
        return code();
    }

    int fail(const core::Error& error) {
        if (command_.common.json) print_json({{"error", error_json(error, session_.refusal())}});
        tell_failure(kName, error);
        return error.code == core::Code::kUsage || error.code == core::Code::kCancelled ? kExitUnknown : kExitFailed;
    }

    const PublishPrivateZoneCommand& command_;
    const Config& config_;
    Interruptible interruptible_;
    CloudSession session_;
    PvtzStore store_;
    std::vector<BoundVpc> vpcs_;
    std::vector<Outcome> outcomes_;
};

}  // namespace

int run_command(const PublishPrivateZoneCommand& command) {
    const auto config = config_or_complain(kName, command.common.config);
    if (!config) return kExitUnknown;
    core::configure_log(core::Level::kWarning, core::LogFormat::kText);  // the command prints its own progress
    return PublishRun(command, *config).run();
}

}  // namespace postern::agent
