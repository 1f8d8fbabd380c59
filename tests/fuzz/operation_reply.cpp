// SPDX-License-Identifier: Apache-2.0
// Any bytes as the replies that `postern endpoint` reads, and as the rules of a security group. Whatever they
// are: no crash; what becomes known later (groups, prefix lists) never contradicts what was said without it.
#include <cstdlib>

#include "agent/account/operation_reply.h"
#include "core/bytes.h"

using namespace postern;
using namespace postern::agent;

namespace {

void expect(bool good) {
    if (!good) std::abort();
}

/// The lists that the rules name, each made up from `seed`.
void fill_lists(const SecurityGroup& group, unsigned seed, TrafficSource& source) {
    static const char* const kLists[] = {"0.0.0.0/0", "10.0.0.0/8", "192.168.2.0/24", "::/0"};
    for (const auto& rule : group.rules) {
        if (!rule.prefix_list.empty()) source.prefix_lists[rule.prefix_list] = {*parse_cidr(kLists[seed++ % 4])};
    }
}

void judge(const SecurityGroup& group, unsigned seed) {
    for (const char* from : {"192.168.2.9", "2408::1", "192.168.0.0/16"}) {
        TrafficSource source{*parse_cidr(from), std::nullopt, {}};
        const auto before = judge_ingress({group}, source, 443);
        expect(!before.reason.empty());
        fill_lists(group, seed, source);
        const auto lists_known = judge_ingress({group}, source, 443);
        expect(before.access == Access::kUnknown || before.access == lists_known.access);
        source.groups = std::vector<std::string>{};
        for (const auto& rule : group.rules) {
            if (seed++ % 2 == 0) source.groups->push_back(rule.group);
        }
        if (seed % 3 == 0) source.groups->push_back(group.id);
        const auto all_known = judge_ingress({group}, source, 443);
        expect(lists_known.access == Access::kUnknown || lists_known.access == all_known.access);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const std::string_view text = core::as_text({data + 1, size - 1});
    if (const auto prefix = parse_cidr(text)) expect(core::IpPrefix::parse(prefix->text()) == prefix);
    const auto json = JsonView::parse(text);
    if (!json) return 0;
    if (const auto page = read_endpoint_infos_page(*json)) {
        for (const auto& endpoint : page->items)
            expect(is_resource_id(endpoint.report.endpoint_id, "ep-"));
    }
    if (const auto page = read_endpoint_zones_page(*json)) {
        for (const auto& zone : page->items)
            expect(!zone.report.ipv4 || !zone.report.ipv4->is_v6());
    }
    (void)read_services_page(*json);
    (void)read_attached_groups_page(*json);
    (void)read_security_groups_page(*json);
    (void)read_prefix_list(*json);
    if (const auto group = read_security_group_page(*json)) judge(group->items.front(), data[0]);
    return 0;
}
