// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/page_words.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string>

#include "core/text.h"

namespace postern::agent {

namespace {

constexpr PageWords kEnglish{
    .language = "en",
    .good = "good",
    .degraded = "degraded",
    .failed = "failed",
    .unknown = "unknown",
    .up = "up",
    .state_degraded = "degraded",
    .down = "down",
    .state_unknown = "unknown",
    .not_probed = "not probed",
    .address = "Address",
    .zone = "Zone",
    .path = "Path",
    .service = "Service",
    .last_probe = "Last probe",
    .dns = "DNS",
    .in_answer = "in the answer",
    .withdrawn = "withdrawn",
    .in_vpc_answer = "answered by the VPC",
    .not_in_vpc_answer = "not answered",
    .drained = "drained",
    .next_step = "Next step: ",
    .owner = "Owner: ",
    .compared_with = "Compared with ",
    .more_addresses = "{} more: postern status",
    .more_links = "{} more links: postern status",
    .more_faults = "{} more faults: postern status",
    .resolver = "The resolver answers on <code>{}</code>, ",
    .no_resolver = "No resolver on <code>{}</code>, ",
    .still_on = "Connections of uid {} still on {}: {}",
    .on_address = "Connections of uid {} on {}: {}",
    .around = "Connections of uid {} to the public gateway {}, not over PrivateLink: {}",
    .of_them_stuck = ", {} stuck for {} s",
    .plan_accepted = "plan accepted",
    .plan_not_accepted = "plan not accepted",
    .about = "postern {}, as of {}. ",
    .data = "Data: ",
    .status = "status",
    .probes = "probes",
    .health = "health",
    .metrics = "metrics",
    .p95_24h = "p95 24 h",
    .good_24h = "Good 24 h",
    .last_60 = "Last 60",
    .since = "Since",
    .of_probes = "of {} probes",
    .certificate = "Certificate",
    .valid_until = "valid until",
    .discovery = "Discovery",
    .confirmed = "confirmed",
    .list = "List of <code>{}</code>: generation {}, written {}",
    .no_list = "List of <code>{}</code>: none yet",
    .upstream = "Upstream",
    .rtt = "RTT",
    .sent = "Sent",
    .answered = "Answered",
    .upstream_trouble = "Errors since the start",
    .this_host = "This host: ",
    .failures = "Failed probes",
    .whole_page = "Everything on one page, without a script",
};

constexpr PageWords kChinese{
    .language = "zh-CN",
    .good = "正常",
    .degraded = "降级",
    .failed = "故障",
    .unknown = "未知",
    .up = "正常",
    .state_degraded = "降级",
    .down = "不通",
    .state_unknown = "未知",
    .not_probed = "未探测",
    .address = "地址",
    .zone = "可用区",
    .path = "链路",
    .service = "服务",
    .last_probe = "最近一次探测",
    .dns = "DNS",
    .in_answer = "在应答中",
    .withdrawn = "已摘除",
    .in_vpc_answer = "VPC 的 DNS 已应答",
    .not_in_vpc_answer = "未应答",
    .drained = "人工下线",
    .next_step = "下一步：",
    .owner = "负责方：",
    .compared_with = "对比 ",
    .more_addresses = "另有 {} 个地址，请执行：postern status",
    .more_links = "另有 {} 个连接，请执行：postern status",
    .more_faults = "另有 {} 项故障，请执行：postern status",
    .resolver = "解析器的监听地址：<code>{}</code>，",
    .no_resolver = "解析器未在 <code>{}</code> 上运行，",
    .still_on = "uid {} 仍在 {} 上的 TCP 连接：{}",
    .on_address = "uid {} 在 {} 上的 TCP 连接：{}",
    .around = "uid {} 到公网网关 {} 的 TCP 连接（未经 PrivateLink）：{}",
    .of_them_stuck = "，其中 {} 个已卡住 {} 秒",
    .plan_accepted = "解析计划已生效",
    .plan_not_accepted = "解析计划未生效",
    .about = "postern {}，截至 {}。",
    .data = "数据：",
    .status = "状态",
    .probes = "探测",
    .health = "健康",
    .metrics = "指标",
    .p95_24h = "24 小时 p95",
    .good_24h = "24 小时成功率",
    .last_60 = "最近 60 次",
    .since = "起始于",
    .of_probes = "共 {} 次探测",
    .certificate = "证书",
    .valid_until = "有效期至",
    .discovery = "地址发现",
    .confirmed = "确认于",
    .list = "主机群 <code>{}</code> 的地址清单：第 {} 版，写于 {}",
    .no_list = "主机群 <code>{}</code> 的地址清单：尚无",
    .upstream = "上游 DNS",
    .rtt = "往返时间",
    .sent = "已发送",
    .answered = "已应答",
    .upstream_trouble = "启动以来的错误",
    .this_host = "本机：",
    .failures = "失败的探测",
    .whole_page = "在一页上查看全部内容（无需脚本）",
};

/// The weight of `language` in one item such as "zh-CN;q=0.8"; 0 for another language.
double weight_of(std::string_view item, std::string_view language) {
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t'))
        item.remove_prefix(1);
    const std::string tag(item.substr(0, std::min(item.find_first_of("; ,"), item.size())));
    const bool same = tag.size() >= language.size() && (tag.size() == language.size() || tag[language.size()] == '-') &&
                      core::same_word(language, std::string_view(tag).substr(0, language.size()));
    if (!same) return 0;
    const auto q = item.find("q=");
    return q == std::string_view::npos
               ? 1
               : std::clamp(std::strtod(std::string(item.substr(q + 2)).c_str(), nullptr), 0.0, 1.0);
}

double weight_in(std::string_view header, std::string_view language) {
    double most = 0;
    while (!header.empty()) {
        const auto comma = header.find(',');
        most = std::max(most, weight_of(header.substr(0, comma), language));
        header.remove_prefix(comma == std::string_view::npos ? header.size() : comma + 1);
    }
    return most;
}

}  // namespace

std::string_view PageWords::of(Overall overall) const {
    switch (overall) {
        case Overall::kGood:
            return good;
        case Overall::kDegraded:
            return degraded;
        case Overall::kFailed:
            return failed;
        case Overall::kUnknown:
            return unknown;
    }
    return unknown;
}

std::string_view PageWords::of(probe::State state) const {
    switch (state) {
        case probe::State::kUp:
            return up;
        case probe::State::kDegraded:
            return state_degraded;
        case probe::State::kDown:
            return down;
        case probe::State::kUnknown:
            return state_unknown;
    }
    return state_unknown;
}

const PageWords& page_words(std::string_view accept_language) {
    // Browsers send the preferred one first, without a weight or with the highest.
    return weight_in(accept_language, "zh") > weight_in(accept_language, "en") ? kChinese : kEnglish;
}

}  // namespace postern::agent
