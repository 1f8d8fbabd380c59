// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/cli.h"

#include <algorithm>
#include <memory>

#include "agent/client/language.h"
#include "agent/commands/cli_builder.h"
#include "agent/commands/cli_error.h"
#include "agent/commands/cli_help.h"
#include "agent/net/libraries.h"
#include "agent/steering/drains.h"
#include "agent/text/values.h"

namespace postern::agent {

namespace {

/// The commands, their options, and the one given.
class Parser {
  public:
    explicit Parser(Micros now_wall_us) : now_(now_wall_us) {
        app_.set_help_flag();
        app_.add_flag("-h,--help", want_help_, "this text");
        app_.add_flag("-V,--version", want_version_, "the version");
        app_.add_flag("--verbose", verbose_, "with --version: the libraries', too");
        app_.require_subcommand(0, 1);
        app_.fallthrough(false);
        const Chosen chosen = [this](Command c) { result_ = [c = std::move(c)] { return c; }; };
        add_run();
        add_check_config();
        add_plan();
        add_status();
        add_resolve();
        add_probe();
        add_log_commands(app_, now_, chosen);
        add_connections();
        add_refresh();
        add_drain();
        add_undrain();
        add_dns_commands(app_, [this](DnsCommand c) { result_ = [c = std::move(c)] { return Command{c}; }; });
        add_endpoint_commands(app_, [this](EndpointCommand c) { result_ = [c = std::move(c)] { return Command{c}; }; });
        add_publish_commands(app_, chosen);
        add_k8s_commands(app_, chosen);
        add_doctor();
    }

    Command parse(int argc, const char* const* argv) {
        std::vector<std::string> words = with_options(argc, argv);
        read_publish_target(app_, words);
        try {
            app_.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // as CLI11 wants them
        } catch (const CLI::CallForHelp&) {
            return PrintAndExit{help_of(deepest(&app_), prefix(*deepest(&app_))), kExitGood};
        } catch (const CLI::ParseError& error) {
            const CLI::App& at = *deepest(&app_);
            const std::string name = full_name(at);
            core::Message what = usage_problem(error, app_, at, words);
            return PrintAndExit{told(core::message("{}: {}\nTry: {} --help\n", name, std::move(what), name)),
                                kExitUnknown};
        }
        if (want_version_)
            return PrintAndExit{"postern " POSTERN_VERSION "\n" + (verbose_ ? library_lines() : ""), kExitGood};
        if (want_help_) return PrintAndExit{overview(), kExitGood};
        if (!result_) return PrintAndExit{overview(), kExitUnknown};
        return std::move(*result_)();
    }

  private:
    using Make = std::function<Command()>;

    /// The words after the program's name, "version" and "help" in place of a command as the options that they stand for:
    /// "help dns enable" and "dns help enable" are "dns enable --help".
    std::vector<std::string> with_options(int argc, const char* const* argv) const {
        std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
        const CLI::App* at = &app_;
        for (std::size_t i = 0; i < words.size() && !commands_of(*at).empty(); ++i) {
            if (i == 0 && words[i] == "version") {
                words[i] = "--version";
                return words;
            }
            if (words[i] == "help") {
                words.erase(words.begin() + static_cast<std::ptrdiff_t>(i));
                words.emplace_back("--help");
                return words;
            }
            const auto known = commands_of(*at);
            if (std::find(known.begin(), known.end(), words[i]) == known.end()) return words;
            at = at->get_subcommand(words[i]);
        }
        return words;
    }

    template <class T>
    CLI::App* add(CLI::App* parent, const char* name, const char* help, std::shared_ptr<T> command) {
        CLI::App* app = parent->add_subcommand(name, help);
        app->set_help_flag("-h,--help", "this text");  // not inherited: the parent's is a plain flag
        add_config(app, command->config);
        app->callback([this, command] { result_ = [command] { return Command{*command}; }; });
        return app;
    }

    void add_run() {
        auto c = std::make_shared<RunCommand>();
        CLI::App* app = add(&app_, "run",
                            "Run the agent in the foreground. Stop it with Ctrl-C or SIGTERM; SIGHUP reads "
                            "the configuration again.",
                            c);
        app->add_flag("--no-resolver", c->no_resolver, "don't start postern-resolver (something else does)");
        app->add_flag("--follow-config", c->follow_config,
                      "read the configuration again whenever its file changes, as on SIGHUP: for a mounted ConfigMap");
    }

    void add_check_config() {
        auto c = std::make_shared<CheckConfigCommand>();
        CLI::App* app =
            add(&app_, "check-config",
                "Validate the configuration. Every mistake is printed as FILE:LINE: key: what is wrong.\nExit: 0 "
                "fine, 1 with warnings, 2 with mistakes, 3 can't be read.",
                c);
        app->add_flag("--online", c->online,
                      "also ask for the addresses of every link once, and say which credentials were used and why the "
                      "others were not");
    }

    void add_plan() {
        CLI::App* plan =
            app_.add_subcommand("plan", "The plan: everything the resolver does, as the agent compiled it.");
        plan->set_help_flag("-h,--help", "this text");
        plan->require_subcommand(1);
        auto show = std::make_shared<PlanShowCommand>();
        CLI::App* app = add(plan, "show", "Print a plan: names, addresses, upstreams, limits.", show);
        app->add_option("FILE", show->file, "the plan file (default: the current plan, else the durable one)")
            ->type_name("");
        app->add_flag("--json", show->json, "as JSON");
        auto compile = std::make_shared<PlanCompileCommand>();
        app = add(plan, "compile", "Make a plan without the agent from what is on disk: no verdicts.", compile);
        app->add_option("-o,--out", compile->out, "where to write it")->type_name("FILE")->required();
    }

    void add_status() {
        auto c = std::make_shared<StatusCommand>();
        CLI::App* app = add(&app_, "status",
                            "One screen: links, their addresses, DNS and discovery, as the running agent "
                            "sees them.\nExit: 0 good, 1 degraded, 2 failed, 3 the agent can't be asked.",
                            c);
        app->add_flag("--json", c->json, "the status as JSON");
        app->add_flag("-w,--watch", c->watch, "redraw it every 2 s until Ctrl-C");
    }

    void add_connections() {
        auto c = std::make_shared<ConnectionsCommand>();
        CLI::App* app =
            add(&app_, "connections",
                "The TCP connections of this host's applications to the links' addresses, by user: how many, stuck, on "
                "a withdrawn address, to the public gateway. With --free the stuck ones to a withdrawn address are "
                "ended.\nExit: 0 all is well, 1 some need attention, 3 not known.",
                c);
        app->add_flag("--json", c->json, "as JSON");
        app->add_flag("--free", c->free, "end those that are stuck at a withdrawn address; needs root");
        app->add_flag("-n,--dry-run", c->dry_run, "print how many --free would end, and end none");
    }

    void add_resolve() {
        auto c = std::make_shared<ResolveCommand>();
        CLI::App* app = add(&app_, "resolve",
                            "Ask the resolver for a name; says where the answer came from and why.\nExit: 0 "
                            "answered, 1 no such name or no such record, 2 failed, 3 usage.",
                            c);
        app->add_option("NAME", c->name, "a name, or an address for its PTR")->required()->type_name("");
        app->add_option("TYPE", c->type, "A (the default), AAAA, PTR (of an address), SOA, ANY, …")->type_name("");
        app->add_flag("--json", c->json, "as JSON");
    }

    /// The target of `probe` and `doctor` if not from the configuration.
    static void add_target(CLI::App* app, TargetWish* c) {
        app->add_option_function<std::vector<std::string>>(
               "--address",
               [c](const std::vector<std::string>& list) {
                   for (const auto& text : list) {
                       const auto ip = core::IpAddress::parse(text);
                       if (!ip)
                           throw UsageError("--address", core::message("{} {}", shown(text), "is not an IP address"));
                       c->addresses.push_back(*ip);
                   }
               },
               "only this address (may be repeated)")
            ->type_name("IP")
            ->allow_extra_args(false);
        add_read(app, "--host", "the private DNS name: Host header and name in the certificate", "NAME",
                 [c](const std::string& text) -> core::Message {
                     auto host = normalise_host(text);
                     if (!host) return host.error();
                     c->host = *host;
                     return "";
                 });
        app->add_option("--token-file", c->token_file, "file with the TDengine Cloud token")->type_name("FILE");
        app->add_option("--ca-file", c->ca_file, "certificates to trust instead of the system's")->type_name("FILE");
        add_number(app, "--port", "port of the gateway (default 443)", 1, 65535, c->port);
    }

    void add_probe() {
        auto c = std::make_shared<ProbeCommand>();
        CLI::App* app = app_.add_subcommand(
            "probe",
            "Probe now, on every address, and show each phase. Needs no running agent;\nwith --host and "
            "--address, no configuration.\nExit: 0 all passed, 1 some, 2 none, 3 could not probe.");
        app->add_option("LINK", c->target.link, "only this link (default: all)")->type_name("");
        add_config(app, c->target.config);
        app->add_flag("--json", c->json, "as JSON: the records, as in the log");
        add_number(app, "-n,--count", "how many times (default 1)", 1, 100000, c->count);
        add_target(app, &c->target);
        add_read(app, "--timeout", "for a whole probe (default 3s)", "TIME",
                 [c](const std::string& text) -> core::Message {
                     c->target.timeout_us = parse_duration(text);
                     return c->target.timeout_us && *c->target.timeout_us >= 10 * core::kMillisecond &&
                                    *c->target.timeout_us <= core::kMinute
                                ? ""
                                : "is not a duration from 10ms to 1m, such as \"3s\"";
                 });
        app->callback([this, c, app] {
            c->target.config_given = app->count("--config") > 0;
            result_ = [c] { return Command{*c}; };
        });
    }

    void add_refresh() {
        auto c = std::make_shared<RefreshCommand>();
        CLI::App* app = add(&app_, "refresh",
                            "Have the running agent ask the cloud API and probe everything now, and print "
                            "the result.\nExit: as status.",
                            c);
        add_read(app, "--timeout", "how long to wait for it (default 30s)", "TIME",
                 [c](const std::string& text) -> core::Message {
                     const auto timeout = parse_duration(text);
                     if (timeout) c->timeout_us = *timeout;
                     return timeout ? "" : "is not a duration, such as \"30s\"";
                 });
    }

    void add_drain() {
        auto c = std::make_shared<DrainCommand>();
        CLI::App* app = app_.add_subcommand(
            "drain",
            "Take a zone, or one address, out of the answers for a time; it ends by itself. It goes on being\nprobed, and "
            "is answered when no other address works. Again: another time.\n\"drain status\" shows what is "
            "drained.\nExit: 0 done, 2 refused (no good address would be left), 3 usage, or the agent can't be asked.");
        add_config(app, c->config);
        app->add_option("TARGET", c->target, "a zone (cn-hangzhou-h) or an address; or the word status")
            ->required()
            ->type_name("");
        add_read(app, "--for", "how long, from 1m to 3d", "TIME", [c](const std::string& text) -> core::Message {
            const auto time = parse_duration(text);
            if (time) c->for_us = *time;
            return time && check_drain(*time, "").empty() ? "" : "is not a duration from 1m to 3d, such as \"1h\"";
        });
        app->add_option("--reason", c->reason, "why; drain status shows it")->type_name("TEXT");
        app->add_flag("--free", c->free, "also end connections to it once they are idle or stuck");
        app->add_flag("--json", c->json, "what is drained, as JSON");
        app->callback([this, c, app] {
            const bool status = c->target == "status";
            if (status && (app->count("--for") > 0 || app->count("--reason") > 0 || c->free))
                throw UsageError("status", "takes neither --for nor --reason nor --free");
            if (!status && c->for_us == 0) throw UsageError("--for", "is missing: how long, such as --for 1h");
            if (!status && !check_drain(c->for_us, c->reason).empty())
                throw UsageError("--reason", check_drain(c->for_us, c->reason));
            c->verb = status ? DrainCommand::Verb::kStatus : DrainCommand::Verb::kDrain;
            result_ = [c] { return Command{*c}; };
        });
    }

    void add_undrain() {
        auto c = std::make_shared<DrainCommand>();
        c->verb = DrainCommand::Verb::kUndrain;
        CLI::App* app = add(&app_, "undrain", "End a drain before its time; without TARGET all of them.", c);
        app->add_option("TARGET", c->target, "the zone or address, as it was drained")->type_name("");
        app->add_flag("--json", c->json, "what is still drained, as JSON");
    }

    void add_doctor() {
        auto c = std::make_shared<DoctorCommand>();
        CLI::App* app = app_.add_subcommand(
            "doctor",
            "Check the whole chain, from the configuration to the SQL reply, and say what is wrong,\nits owner and "
            "the fix. Needs no running agent; with --host and --address, no\nconfiguration.\nExit: 0 all is "
            "well, 1 warnings, 2 failures, 3 nothing could be checked.");
        add_config(app, c->request.target.config);
        app->add_flag("--json", c->json, "as JSON");
        app->add_flag("--pod", c->request.pod,
                      "as a pod of Kubernetes sees it (the default in a pod without an agent)");
        app->add_flag("--list", c->list, "print the codes that doctor knows, check nothing");
        add_read(app, "--lang", "en or zh (default: by the locale)", "LANG",
                 [raw = c.get()](const std::string& text) -> core::Message {
                     raw->language = text;
                     return text == "en" || text == "zh" ? "" : "is neither en nor zh";
                 });
        app->add_option("--only", c->request.only, "only these steps or codes")->type_name("CODE,...")->delimiter(',');
        app->add_option("--skip", c->request.skip, "without these steps or codes")
            ->type_name("CODE,...")
            ->delimiter(',');
        add_target(app, &c->request.target);
        add_read(app, "--timeout", "for all of it (default 30s)", "TIME",
                 [raw = c.get()](const std::string& text) -> core::Message {
                     const auto time = parse_duration(text);
                     if (!time || *time < core::kSecond || *time > 10 * core::kMinute)
                         return "is not a duration from 1s to 10m, such as \"30s\"";
                     raw->request.timeout_us = *time;
                     return "";
                 });
        CLI::Option* bundle =
            app->add_option("--bundle", "write an archive for support, without secrets; FILE must not exist");
        bundle->type_name("[FILE]")->expected(0, 1);
        app->add_flag("--fix", c->fix, "say what would fix the host's DNS and /etc/hosts, ask, and do it");
        app->add_flag("--yes", c->yes, "with --fix: do it without a question");
        app->callback([this, c, app, bundle] {
            c->request.target.config_given = app->count("--config") > 0;
            if (c->fix && c->json) throw UsageError("--fix", "asks on the terminal: use it without --json");
            if (c->yes && !c->fix) throw UsageError("--yes", "is the answer to what --fix asks");
            if (app->count("--bundle") > 0) c->bundle = bundle->results().empty() ? "" : bundle->results().front();
            result_ = [c] { return Command{*c}; };
        });
    }

    static CLI::App* deepest(CLI::App* app) {
        while (!app->get_subcommands().empty())
            app = app->get_subcommands().back();
        return app;
    }

    /// The part before a command's name in its usage line.
    static std::string prefix(const CLI::App& app) {
        const std::string name = full_name(app);
        return name.substr(0, name.rfind(' '));
    }

    Micros now_;
    CLI::App app_{"", "postern"};
    bool want_help_ = false, want_version_ = false, verbose_ = false;
    std::optional<Make> result_;
};

}  // namespace

Command parse_command_line(int argc, const char* const* argv, Micros now_wall_us) {
    return Parser(now_wall_us).parse(argc, argv);
}

}  // namespace postern::agent
