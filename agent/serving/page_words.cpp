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
    .no_probe = "no probe yet",
    .no_data = "no data",
    .hour = "1 h",
    .day = "24 h",
    .week = "7 d",
    .month = "30 d",
    .covered = "{1} of {0}",
    .failed_of = "{0} of {1} failed",
    .result = "Result",
    .succeeded = "good",
    .failed_at = "failed at {}",
    .total = "Total",
    .http_status = "HTTP status",
    .sql_code = "SQL code",
    .subject = "Subject",
    .names = "Names",
    .issuer = "Issuer",
    .chain_until = "Chain until",
    .no_certificate = "No certificate was received.",
    .compared = "Private vs. public",
    .gateway = "Gateway",
    .privately = "Private",
    .publicly = "Public",
    .no_compare = "Not compared: set compare of the [[link]] to the public gateway.",
    .again = "Probe again",
    .as_curl = "As curl",
    .connect = "TCP connect",
    .tls = "TLS handshake",
    .request = "sending the request",
    .ttfb = "first byte",
    .transfer = "transfer",
    .reply = "reply",
    .sql = "SQL",
    .ws = "WebSocket",
    .times = "Times",
    .as_table = "The chart as a table",
    .at = "Time",
    .p50 = "p50",
    .p95 = "p95",
    .attempts = "Probes",
    .failed_probes = "Failed",
    .most_common = "Most common reason",
    .chart_empty = "No measurement in this time.",
    .band = "p50 to p95",
    .chart_summary = "p50 {} (from {} to {}), p95 at most {}; {} of {} probes failed.",
    .incidents = "Failures of the last 30 days",
    .no_incidents = "No failure in the recorded time.",
    .began = "Began",
    .link = "Link",
    .lasted = "Lasted",
    .reason = "Reason",
    .still_failing = "still failing",
    .more_incidents = "{} earlier ones: postern logs",
    .good_30d = "Good 30 d",
    .queries = "Queries",
    .cache_hits = "Cache hits",
    .entries = "{} entries",
    .last_5_min = "Last 5 min",
    .last_success = "Last success",
    .changes = "Changes",
    .requests = "Requests",
    .from_api = "cloud API",
    .from_dns = "DNS name",
    .from_file = "file",
    .from_list = "list of the fleet",
    .from_snapshot = "snapshot on disk",
    .from_fixed = "fixed in the configuration",
    .from_none = "not known yet",
    .src_private = "private",
    .src_cache = "cache",
    .src_stale = "stale",
    .src_upstream = "upstream",
    .src_local = "local",
    .src_refused = "refused",
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
    .no_probe = "尚未探测",
    .no_data = "无数据",
    .hour = "1 小时",
    .day = "24 小时",
    .week = "7 天",
    .month = "30 天",
    .covered = "{0}中的 {1}",
    .failed_of = "{1} 次中 {0} 次失败",
    .result = "结果",
    .succeeded = "成功",
    .failed_at = "失败阶段：{}",
    .total = "总计",
    .http_status = "HTTP 状态码",
    .sql_code = "SQL 返回码",
    .subject = "主体",
    .names = "域名",
    .issuer = "颁发者",
    .chain_until = "证书链有效期至",
    .no_certificate = "未获取到证书。",
    .compared = "私网与公网对比",
    .gateway = "网关",
    .privately = "私网",
    .publicly = "公网",
    .no_compare = "未对比：请将 [[link]] compare 设为公网网关。",
    .again = "重新探测",
    .as_curl = "curl 命令",
    .connect = "TCP 连接",
    .tls = "TLS 握手",
    .request = "发送请求",
    .ttfb = "首字节",
    .transfer = "传输",
    .reply = "响应",
    .sql = "SQL",
    .ws = "WebSocket",
    .times = "耗时",
    .as_table = "以表格显示图表数据",
    .at = "时间",
    .p50 = "p50",
    .p95 = "p95",
    .attempts = "探测次数",
    .failed_probes = "失败",
    .most_common = "最常见原因",
    .chart_empty = "该时段没有测量数据。",
    .band = "p50 至 p95",
    .chart_summary = "p50 {0}（{1} 至 {2}），p95 最高 {3}；{5} 次探测中失败 {4} 次。",
    .incidents = "最近 30 天的失败",
    .no_incidents = "在有记录的时间内没有失败。",
    .began = "开始",
    .link = "连接",
    .lasted = "持续",
    .reason = "原因",
    .still_failing = "仍在失败",
    .more_incidents = "更早还有 {} 次：postern logs",
    .good_30d = "30 天成功率",
    .queries = "查询",
    .cache_hits = "缓存命中",
    .entries = "{} 条",
    .last_5_min = "最近 5 分钟",
    .last_success = "最近一次成功",
    .changes = "变更次数",
    .requests = "请求次数",
    .from_api = "云 API",
    .from_dns = "跟随 DNS 域名",
    .from_file = "文件",
    .from_list = "主机群的地址清单",
    .from_snapshot = "磁盘快照",
    .from_fixed = "配置中的固定地址",
    .from_none = "尚未获取",
    .src_private = "私有",
    .src_cache = "缓存",
    .src_stale = "过期缓存",
    .src_upstream = "上游",
    .src_local = "本地",
    .src_refused = "拒绝",
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

std::string_view PageWords::of(probe::Phase phase) const {
    switch (phase) {
        case probe::Phase::kConnect:
            return connect;
        case probe::Phase::kTls:
            return tls;
        case probe::Phase::kRequest:
            return request;
        case probe::Phase::kTtfb:
            return ttfb;
        case probe::Phase::kTransfer:
            return transfer;
        case probe::Phase::kReply:
            return reply;
        case probe::Phase::kSql:
            return sql;
        case probe::Phase::kWs:
            return ws;
        case probe::Phase::kCount:
            break;
    }
    return result;
}

std::string_view PageWords::of(core::Source source) const {
    switch (source) {
        case core::Source::kPrivate:
            return src_private;
        case core::Source::kCache:
            return src_cache;
        case core::Source::kStale:
            return src_stale;
        case core::Source::kUpstream:
            return src_upstream;
        case core::Source::kLocal:
            return src_local;
        case core::Source::kRefused:
        case core::Source::kCount:
            break;
    }
    return src_refused;
}

std::string_view PageWords::of_source(std::string_view source) const {
    if (source == "api") return from_api;
    if (source == "dns") return from_dns;
    if (source == "file") return from_file;
    if (source == "list") return from_list;
    if (source == "snapshot") return from_snapshot;
    return source == "fixed" ? from_fixed : from_none;
}

const doctor::Catalogue& PageWords::catalogue() const {
    return doctor::Catalogue::in(language == "en" ? doctor::Language::kEnglish : doctor::Language::kChinese);
}

const PageWords& page_words(std::string_view accept_language) {
    // Browsers send the preferred one first, without a weight or with the highest.
    return weight_in(accept_language, "zh") > weight_in(accept_language, "en") ? kChinese : kEnglish;
}

}  // namespace postern::agent
