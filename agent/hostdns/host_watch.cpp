// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/host_watch.h"

#include "agent/hostdns/truce.h"
#include "core/file_system.h"
#include "core/log.h"
#include "core/text.h"

namespace postern::agent {
namespace {

constexpr core::Micros kUpstreamsEvery = core::kSecond;  // how soon a new nameserver from DHCP is used
constexpr core::Micros kTakeoverEvery = 5 * core::kSecond;

std::string list_of(const std::vector<core::SocketAddress>& servers) {
    std::string list;
    for (const auto& server : servers)
        core::add_item(list, server.text());
    return list;
}

}  // namespace

HostWatch::HostWatch(core::Clock& clock, const HostSystem& host, Paths paths, DnsConfig dns, Outside& outside)
    : host_(host),
      paths_(std::move(paths)),
      dns_(std::move(dns)),
      outside_(outside),
      clock_(clock),
      journal_(paths_.hostdns),
      upstreams_timer_(clock),
      takeover_timer_(clock) {}

const HostUpstreams& HostWatch::use(const DnsConfig& dns) {
    dns_ = dns;
    look();
    return upstreams_;
}

void HostWatch::start() {
    look_at_upstreams();
    takeover_timer_.start_in(kTakeoverEvery, [this] { look_at_takeover(); });
}

HostDnsReport HostWatch::report(const std::vector<std::string>& names) {
    HostDnsReport report =
        report_host_dns(host_, journal_.now(), load_path_look(paths_.host_path, clock_.wall_us()), names);
    report.asks = whom_host_asks(host_, dns_.listen, report.journal);
    return report;
}

void HostWatch::look() {
    upstreams_ = find_upstreams(host_, dns_, paths_, journal_.now().value_or(Journal{}),
                                {upstreams_, outside_.instance_nameservers()});
}

void HostWatch::look_at_upstreams() {
    log_takeover();
    const HostUpstreams before = upstreams_;
    look();
    if (upstreams_.servers != before.servers || upstreams_.budget_ms() != before.budget_ms() ||
        upstreams_.patience_ms() != before.patience_ms()) {
        core::log_info("upstreams_changed", "queries are forwarded to other resolvers now",
                       {{"servers", list_of(upstreams_.servers)}, {"source", upstreams_.source}});
        outside_.upstreams_changed(upstreams_);
    }
    if (upstreams_.servers.empty() && !logged_no_upstreams_) {
        logged_no_upstreams_ = true;
        core::log_warning("no_upstreams", "the host names no resolver to forward to: set [dns] upstreams");
    }
    upstreams_timer_.start_in(kUpstreamsEvery, [this] { look_at_upstreams(); });
}

void HostWatch::log_takeover() {
    const auto& journal = journal_.now();
    const std::string state = journal ? std::string(to_string(journal->state)) : "unknown";
    const std::string now = journal ? state + " " + journal->decision.line.text() : journal.error().text();
    if (now == logged_takeover_) return;
    const bool news = !logged_takeover_.empty() || (journal && journal->state != TakeoverState::kOff);
    logged_takeover_ = now;
    if (news) core::log_info("hostdns_changed", journal ? journal->decision.line.text() : now, {{"state", state}});
}

/// Reports a change of the host's files that systemd's watch missed, and a truce that nobody has ended.
void HostWatch::look_at_takeover() {
    const auto& journal = journal_.now();
    const bool changed = journal && journal->state == TakeoverState::kOn &&
                         !report_host_dns(host_, *journal, {}, {}).out_of_place.empty();
    const bool over = journal && journal->state == TakeoverState::kTruce && truce_is_over(*journal, clock_.wall_us());
    if (changed || over) {
        const std::string wish = core::format_utc(clock_.wall_us()) + "\n";
        (void)core::write_file(paths_.reapply_wish, core::as_bytes(wish), 0644, false);
    }
    takeover_timer_.start_in(kTakeoverEvery, [this] { look_at_takeover(); });
}

}  // namespace postern::agent
