// SPDX-License-Identifier: Apache-2.0
// The prober at work, measured: real scheduler, engine, verdicts and history against bench_probe_gateway.
// Usage: bench_probe TARGETS INTERVAL_MS SECONDS PORT CA_FILE NAME [CONNECT_TIMES_FILE]. Prints one JSON object.
#include <fmt/format.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "core/file_system.h"
#include "core/loop.h"
#include "probe/history.h"
#include "probe/probe_run.h"
#include "probe/scheduler.h"
#include "probe/tls_memory.h"
#include "probe/verdict.h"

using namespace postern;
using namespace postern::probe;

namespace {

double cpu_ms() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto ms = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
    };
    return ms(usage.ru_utime) + ms(usage.ru_stime);
}

long rss_kib(const char* key) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.rfind(key, 0) == 0) return std::atol(line.c_str() + std::string(key).size());
    }
    return 0;
}

/// The bound of the bucket that the quantile falls in.
core::Micros quantile(const SchedulerCounters& now, const SchedulerCounters& before, double q) {
    std::uint64_t all = 0, sum = 0;
    for (std::size_t i = 0; i < now.lag_buckets.size(); ++i)
        all += now.lag_buckets[i] - before.lag_buckets[i];
    for (std::size_t i = 0; i < kLagBoundsUs.size(); ++i) {
        sum += now.lag_buckets[i] - before.lag_buckets[i];
        if (static_cast<double>(sum) >= q * static_cast<double>(all)) return kLagBoundsUs[i];
    }
    return core::kNever;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 7) return 3;
    (void)use_tls_memory();
    limit_tls_memory(kKeptTlsMemory);
    const int targets = std::atoi(argv[1]);
    const core::Micros interval = std::atoi(argv[2]) * core::kMillisecond;
    const core::Micros duration = std::atoi(argv[3]) * core::kSecond;
    core::Loop loop;
    core::SystemClock clock(loop);
    core::SystemRandom random;
    TlsContexts contexts(loop);
    NetworkLauncher launcher(loop, clock, contexts);
    VerdictBook book(clock);
    History history;
    std::ofstream times;
    if (argc > 7) times.open(argv[7]);
    std::uint64_t ok = 0, failed = 0;
    core::Micros total_us = 0;
    std::string last_failure;
    Scheduler scheduler(clock, random, launcher, [&](const ProbeResult& result) {
        const Fold fold = book.fold(result);
        history.add(result, fold);
        ++(result.ok ? ok : failed);
        total_us += result.total_us;
        if (!result.ok) last_failure = fmt::format("{}: {}", to_string(result.reason), result.detail);
        if (times.is_open() && result.phase_us[0]) times << result.local_port << ' ' << *result.phase_us[0] << '\n';
        return fold.pace;
    });
    auto spec = std::make_shared<ProbeSpec>();
    spec->host = spec->server_name = argv[6];
    spec->port = static_cast<std::uint16_t>(std::atoi(argv[4]));
    spec->ca_file = argv[5];
    spec->token = core::Secret("0123456789abcdef0123456789abcdef01234567");
    std::vector<ScheduledTarget> list;
    for (int i = 0; i < targets; ++i) {
        const auto ip = core::IpAddress::v4(0x7f010001u + static_cast<std::uint32_t>(i));
        list.push_back({{"bench", ip, "", "", spec}, {3, 2, interval, core::kSecond}});
    }
    book.set_targets(list);
    scheduler.set_targets(list);
    const core::Micros warm = clock.mono_us() + std::max<core::Micros>(2 * core::kSecond, interval);
    while (clock.mono_us() < warm)
        loop.run_once();
    const SchedulerCounters before = scheduler.counters();
    const std::uint64_t ok_before = ok, failed_before = failed;
    const core::Micros total_before = total_us;
    const double cpu_before = cpu_ms();
    const core::Micros end = clock.mono_us() + duration;
    while (clock.mono_us() < end)
        loop.run_once();
    const double cpu = cpu_ms() - cpu_before;
    const SchedulerCounters after = scheduler.counters();
    const std::uint64_t probes = ok - ok_before + failed - failed_before;
    fmt::print(R"({{"probes":{},"failed":{},"missed":{},"resumed":{},"cpu_ms_per_probe":{:.3f},"cpu_share":{:.3f},)"
               R"("lag_p50_us":{},"lag_p99_us":{},"mean_total_us":{},"rss_kib":{},"anon_kib":{},"last_failure":"{}"}})"
               "\n",
               probes, failed - failed_before, after.missed - before.missed, after.resumed - before.resumed,
               cpu / static_cast<double>(std::max<std::uint64_t>(probes, 1)),
               cpu * 1000 / static_cast<double>(duration), quantile(after, before, 0.5), quantile(after, before, 0.99),
               (total_us - total_before) / static_cast<core::Micros>(std::max<std::uint64_t>(probes, 1)),
               rss_kib("VmRSS:"), rss_kib("RssAnon:"), last_failure);
    std::fflush(stdout);
    times.close();
    std::_Exit(0);  // attempts are under way; their sockets go with the process
}
