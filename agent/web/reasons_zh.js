// The reasons of failed probes in Chinese: cause, next step. {ip} {host} {port} {link} are filled in, as in the agent's own table.

import { day, milliseconds } from "./format.js";

const CHINESE = {
    tcp_refused: ["拒绝连接：{port} 端口没有服务在监听", "若持续如此：这还是终端节点的地址吗？postern refresh；再向 TDengine Cloud 确认网关是否运行"],
    tcp_timeout: ["没有应答：{port} 端口无回复", "在终端节点的安全组中放行本机到 TCP {port} 的访问，并在 VPC 控制台查看连接状态"],
    tcp_reset: ["重置了连接", "防火墙或网关中断了连接：postern probe {link} --count 5，再询问 TDengine Cloud"],
    no_route: ["不可达：本机没有到它的路由", "本机在终端节点的 VPC 内或与之连通吗？ip route get {ip}"],
    net_unreachable: ["不可达：网络如此报告", "中间有 VPN 或路由表：ip route get {ip}"],
    host_unreachable: ["不可达：其网段内没有这个地址", "终端节点的网卡已被移除或分离：postern refresh，并在 VPC 控制台查看终端节点的可用区"],
    tls_timeout: ["能连接，但 TLS 握手没有结束", "途中可能丢弃大包（MTU）：ping -M do -s 1400 {ip}；否则是网关过载"],
    tls_reset: ["在 TLS 握手中重置连接", "中间设备破坏了 TLS：openssl s_client -connect {ip}:{port} -servername {host}"],
    tls_eof: ["在 TLS 握手中关闭连接", "网关支持这个名称吗？openssl s_client -connect {ip}:{port} -servername {host}"],
    tls_alert: ["以警报拒绝 TLS 握手", "网关支持这个名称吗？openssl s_client -connect {ip}:{port} -servername {host}"],
    tls_protocol: ["不使用 TLS", "监听的是别的服务：这是终端节点的地址吗？{port} 是正确端口吗？curl -v http://{ip}:{port}/"],
    cert_expired: ["出示的证书已过期", "先查本机时钟：timedatectl；若时钟正确，须由 TDengine Cloud 更新证书"],
    cert_not_yet_valid: ["出示的证书尚未生效", "本机时钟偏慢：timedatectl"],
    cert_name_mismatch: ["出示的证书属于其他名称", "{host} 与终端节点服务的私有域名完全一致吗？请从 TDengine Cloud 控制台重新复制到 [[link]] host"],
    cert_untrusted: ["出示的证书不受本机信任", "可能有代理拆解 TLS；私有 CA 请设置 [link.probe] ca_file；否则 apt-get install --reinstall ca-certificates"],
    http_timeout: ["收下了请求，但未及时回复", "数据库繁忙吗？postern probe {link} --timeout 20s；再询问 TDengine Cloud，或调大 [link.probe] timeout"],
    http_reset: ["在回复完成前重置连接", "若持续如此，询问 TDengine Cloud：网关或其前面的代理中断了连接"],
    http_protocol: ["回复的不是 HTTP", "这是终端节点的地址吗？{port} 是正确端口吗？postern probe {link} --json"],
    http_truncated: ["回复不完整就结束了", "若持续如此，询问 TDengine Cloud：网关或其前面的代理中断了连接"],
    http_redirect: ["重定向到别处", "[link.probe] path 正确吗？通常是 /rest/sql"],
    http_status_4xx: ["回复 HTTP 4xx 错误", "[link.probe] path 正确吗？通常是 /rest/sql：postern probe {link} --json"],
    http_status_401: ["拒绝了令牌", "在 TDengine Cloud 控制台新建令牌并写入该链路的 token_file：会立即重新读取"],
    http_status_403: ["不允许此令牌或此网络", "在 TDengine Cloud 控制台检查令牌所属实例与 IP 白名单"],
    http_status_429: ["被查询得过于频繁", "降低探测频率：调大 [link.probe] interval"],
    http_status_5xx: ["回复服务器错误", "实例在运行吗？请在 TDengine Cloud 控制台查看；若在运行，提交工单并附上：postern logs --link {link} -o json"],
    http_status_unexpected: ["回复了意外的 HTTP 状态码", "[link.probe] path 正确吗？postern probe {link} --json"],
    body_too_large: ["回复过长", "让 [link.probe] sql 只查询少量数据：select 1"],
    body_invalid_json: ["回复的不是 TDengine 的 JSON", "中间有代理或错误页：postern probe {link} --json"],
    body_mismatch: ["有回复，但不是 [link.probe] 所期望的", "请对比：postern probe {link} --json"],
    not_tdengine: ["不是 TDengine 网关：应答的是别的服务", "这是 TDengine 服务的终端节点吗？请核对 VPC 控制台与 TDengine Cloud 控制台中的服务名"],
    sql_auth: ["拒绝了用户或令牌", "在 TDengine Cloud 控制台新建令牌并写入该链路的 token_file：会立即重新读取"],
    sql_permission: ["不允许该语句", "让 [link.probe] sql 查询令牌用户可读的内容：select 1"],
    sql_error: ["报告 SQL 错误", "在 TDengine Cloud 控制台试运行 [link.probe] sql 的语句"],
    sql_unavailable: ["后面目前没有可用的数据库", "实例在运行、未暂停吗？请在 TDengine Cloud 控制台查看"],
    local_fd_limit: ["未被探测：本进程没有可用的文件描述符", "调大 postern.service 的 LimitNOFILE，或同时探测更少地址"],
    local_port_exhausted: ["未被探测：本机没有可用的源端口", "查看占用者：ss -s；扩大 net.ipv4.ip_local_port_range"],
    local_oom: ["未被探测：内存不足", "查看：free -m，journalctl -k | grep -i oom"],
    local_cancelled: ["未探测完：该次探测被取消", ""],
    token_missing: ["通向网关；因为没有令牌，未查询数据库", "将 TDengine Cloud 令牌存入文件并在配置中指明：[[link]] token_file"],
};

const FINDINGS = {
    unknown: "尚无结论", both_work: "私网与公网都正常", public_fails: "只有公网网关异常；私网链路不依赖它", privatelink_broken: "PrivateLink 中断，服务本身正常：公网网关有应答，私网地址都不通",
    private_gateway_fails: "只有私网网关异常：同样的语句在公网可用", service_down: "服务本身不可用，公网网关也失败", neither_reached: "两条路都到不了网关：服务不可用，或本机网络有问题",
};
export const findingInChinese = (finding) => FINDINGS[finding];

// In short: up to the first colon.
export const reasonInChinese = (reason) => CHINESE[reason]?.[0].split(/[：；，]/)[0];

const filled = (text, link, ip) => text.replace(/\{(\w+)\}/g, (whole, name) => ({ ip: ip || "ADDRESS", host: link.host, port: link.port, link: link.name })[name]);

function subject({ ip, zone, alike }, link) {
    if (alike > 1 && alike === link.addresses.length) return "所有地址";
    const place = zone ? `${ip}（${zone}）` : ip;
    return alike > 1 ? `${place} 等 ${alike} 个地址` : place;
}

// undefined where the agent's own sentence has to do.
export function chineseCause(link) {
    const { code, reason, ip } = link.finding ?? {};
    const address = link.addresses.find((a) => a.ip === ip);
    if (code === "first_probes") return "首批探测正在进行";
    if (code === "slow") return `${subject(link.finding, link)} 较慢：最近一次探测用时 ${milliseconds(address?.last?.total_us)}`;
    if (code === "certificate") return `${subject(link.finding, link)} 的证书将于 ${day(new Date(address?.last?.certificate?.chain_not_after))} 到期`;
    if (code !== "reason" || !CHINESE[reason]) return undefined;
    const detail = link.cause.split(`(${reason}): `)[1];
    return `${subject(link.finding, link)} ${filled(CHINESE[reason][0], link, ip)}（${reason}）` +
        (detail ? `：${detail}` : "") + (link.all_down ? "；没有更好的地址，全部保留在应答中" : "");
}
export function chineseFix(link) {
    const { code, reason, ip } = link.finding ?? {};
    if (code === "slow") return `耗时在哪个阶段？postern probe ${link.name} --count 5`;
    if (code === "certificate") return "须由 TDengine Cloud 更新证书，请立即告知";
    return code === "reason" && CHINESE[reason]?.[1] ? filled(CHINESE[reason][1], link, ip) : undefined;
}
