// SPDX-License-Identifier: Apache-2.0
// `postern resolve NAME [TYPE]`: asks the resolver over DNS, as any program does, and prints its explanation.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/cli.h"
#include "agent/hostdns/own_address.h"
#include "agent/net/dns_query.h"
#include "agent/text/terminal.h"
#include "agent/text/values.h"

namespace postern::agent {

namespace {

constexpr Micros kTimeout = 5 * core::kSecond;  // the resolver itself answers within 4 s

std::string word(const DnsReply& reply, std::string_view key) {
    for (const auto& [name, value] : reply.explanation) {
        if (name == key) return value;
    }
    return "";
}

int exit_code(const DnsReply& reply) {
    constexpr int kNoError = 0, kNxDomain = 3;
    if (reply.rcode == kNoError) return reply.answers.empty() ? kExitWarning : kExitGood;
    return reply.rcode == kNxDomain ? kExitWarning : kExitFailed;
}

/// "valid:290s" → "for 290 s".
core::Message verdict_text(const std::string& verdicts) {
    const auto colon = verdicts.find(':');
    const std::string kind = verdicts.substr(0, colon);
    const std::string time = colon == std::string::npos ? "" : verdicts.substr(colon + 1);
    if (kind == "valid") return core::message("the probes' verdicts are valid for another {}", time);
    if (kind == "expired")
        return core::message("the probes' verdicts have expired {}: every address is answered, last healthy first",
                             time);
    if (kind == "none") return "no verdicts: every address is answered";
    if (kind == "other_boot") return "the plan is from before the last boot: every address is answered";
    if (kind == "not_ready") return "no address is known yet: see postern status";
    return verdicts;
}

/// Of the digits in an explanation.
std::string generation_of(const std::string& digits) {
    std::uint64_t g = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), g);
    return generation_text(g);
}

core::Message source_text(const DnsReply& reply) {
    const std::string source = word(reply, "source");
    if (source == "private") {
        core::Message out = core::message("private name of link {}, from the {} plan {}", word(reply, "link"),
                                          word(reply, "plan").c_str(), generation_of(word(reply, "generation")));
        if (reply.type != "PTR") core::add_sentence(out, verdict_text(word(reply, "verdicts")));
        return out;
    }
    if (source == "upstream" && !word(reply, "upstream").empty()) {
        return core::message("forwarded to {}", word(reply, "upstream"));
    }
    if (source == "upstream") return core::message("forwarded, but no upstream answered ({})", word(reply, "error"));
    if (source == "cache" || source == "stale" || source == "cached_failure") {
        const std::string upstream = word(reply, "upstream");
        core::Message out =
            core::message("{}, {} old",
                          source == "cache"   ? "from the cache"
                          : source == "stale" ? "expired, from the cache: the upstreams fail"
                                              : "a failure of the upstreams, remembered for some seconds",
                          word(reply, "age"));
        return upstream.empty() ? out : core::message("{}, given by {}", std::move(out), upstream);
    }
    if (source == "local") return "answered by the resolver itself";
    return source.empty() ? core::Message("it gave no explanation: is it postern's resolver?")
                          : core::message("source: {}", source);
}

std::string text_of(const DnsReply& reply, const Paint& paint) {
    std::string out;
    std::size_t name = 0, type = 0;
    for (const auto& r : reply.answers) {
        name = std::max(name, display_width(r.name));
        type = std::max(type, r.type.size());
    }
    for (const auto& r : reply.answers) {
        out += fmt::format("{}  {}  {}  {}\n", pad(printable(r.name), name), pad_left(std::to_string(r.ttl) + " s", 7),
                           pad(r.type, type), paint.bold(printable(r.data)));
    }
    if (reply.answers.empty()) {
        const std::string why = told(reply.rcode == 0   ? "the name exists, but has no record of this type (NODATA)"
                                     : reply.rcode == 3 ? "there is no such name (NXDOMAIN)"
                                                        : core::message("no answer: {}", reply.rcode_name));
        out += fmt::format("{} {}: {}\n", printable(reply.question), reply.type,
                           reply.rcode == 0 || reply.rcode == 3 ? paint.yellow(why) : paint.red(why));
    }
    const auto row = [&](const char* key, const core::Message& value) {
        out += fmt::format("{}{}\n", paint.dim(pad(told(key), 8)),
                           wrap_text(printable(told(value)), std::max<std::size_t>(terminal_columns(), 40), 8));
    };
    out += '\n';
    row("reply",
        core::message("{} from {} over {} in {} ms", reply.rcode_name, reply.server.text(), reply.tcp ? "TCP" : "UDP",
                      fmt::format("{:.1f}", static_cast<double>(reply.took_us) / 1000)));
    row("source", source_text(reply));
    if (const std::string why = word(reply, "why"); !why.empty()) row("why", why);
    for (const auto& [code, text] : reply.ede) {
        row("error", core::Message(fmt::format("{} {}{}{}", code, ede_name(code), text.empty() ? "" : ": ", text)));
    }
    return out;
}

using Json = nlohmann::ordered_json;

Json records_json(const std::vector<DnsRecord>& records) {
    Json out = Json::array();
    for (const auto& r : records)
        out.push_back({{"name", r.name}, {"ttl", r.ttl}, {"type", r.type}, {"data", r.data}});
    return out;
}

std::string json_of(const DnsReply& reply) {
    Json ede = Json::array(), explanation = Json::object();
    for (const auto& [code, text] : reply.ede)
        ede.push_back({{"code", code}, {"name", ede_name(code)}, {"text", text}});
    for (const auto& [key, value] : reply.explanation)
        explanation[key] = value;
    const Json out = {{"schema_version", 1},
                      {"name", reply.question},
                      {"type", reply.type},
                      {"server", reply.server.text()},
                      {"protocol", reply.tcp ? "tcp" : "udp"},
                      {"took_us", reply.took_us},
                      {"rcode", reply.rcode_name},
                      {"answers", records_json(reply.answers)},
                      {"authority", records_json(reply.authority)},
                      {"ede", std::move(ede)},
                      {"explanation", std::move(explanation)}};
    return core::printable_json(out.dump(2, ' ', false, Json::error_handler_t::replace)) + "\n";
}

}  // namespace

int run_command(const ResolveCommand& command) {
    const auto config = config_or_complain("resolve", command.config);
    if (!config) return kExitUnknown;
    std::string type = command.type.empty() ? (core::IpAddress::parse(command.name) ? "PTR" : "A") : command.type;
    std::transform(type.begin(), type.end(), type.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    auto reply = ask_dns(own_address(config->dns), command.name, type, kTimeout);
    if (!reply) {
        core::Error error = reply.error();
        if (error.code != core::Code::kUsage) error.hint = "is the resolver running? postern status";
        complain("resolve", error);
        return error.code == core::Code::kUsage ? kExitUnknown : kExitFailed;
    }
    command.json ? print_data(json_of(*reply)) : print(text_of(*reply, Paint(colour_wanted())));
    return exit_code(*reply);
}

}  // namespace postern::agent
