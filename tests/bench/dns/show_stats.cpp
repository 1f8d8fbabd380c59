// SPDX-License-Identifier: Apache-2.0
// Prints what of a resolver's stats file the measurements need:  show_stats FILE
#include <cstdio>

#include "core/stats_page.h"

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: show_stats FILE\n", stderr);
        return 3;
    }
    const auto stats = postern::core::read_stats(argv[1]);
    if (!stats) {
        std::fprintf(stderr, "show_stats: %s\n", stats.error().text().c_str());
        return 2;
    }
    std::printf("{\"cache_entries\":%lu,\"cache_bytes\":%lu,\"cache_hits\":%lu,\"cache_misses\":%lu}\n",
                stats->cache_entries, stats->cache_bytes, stats->cache_hits, stats->cache_misses);
    return 0;
}
