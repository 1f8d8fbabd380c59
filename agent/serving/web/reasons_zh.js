// SPDX-License-Identifier: Apache-2.0
// The reasons of failed probes in Chinese: cause, next step. pack.py fills CHINESE in from doctor's catalogue; {ip} {host} {port}
// {link} are filled in here.

import { day, milliseconds, span } from "./format.js";

const CHINESE = {};

const FINDINGS = {
    unknown: "尚无结论", both_work: "私网与公网都正常", public_fails: "只有公网网关异常；私网链路不依赖它", privatelink_broken: "PrivateLink 中断，服务本身正常：公网网关有应答，私网地址都不通",
    private_gateway_fails: "只有私网网关异常：同样的语句在公网可用", service_down: "服务本身不可用，公网网关也失败", neither_reached: "两条路都到不了网关：服务不可用，或本机网络有问题",
};
export const findingInChinese = (finding) => FINDINGS[finding];

export const chineseNote = (n) => `uid ${n.uid ?? "…"} 有 ${n.total} 个连接${{ withdrawn: "仍", bypass: "绕行" }[n.kind] ?? ""}在 ${n.ip}` +
    (n.stuck ? `，${n.stuck} 个卡住 ${span(n.stuck_for_us / 1e6)}` : "");

// Short form: up to the first colon.
export const reasonInChinese = (reason) => CHINESE[reason]?.[0].split(/[：；，]/)[0];

const filled = (text, link, ip) => text.replace(/\{(\w+)\}/g, (whole, name) => ({ ip: ip || "ADDRESS", host: link.host, port: link.port, link: link.name })[name]);

function subject({ ip, zone, alike }, link) {
    if (alike > 1 && alike === link.addresses.length) return "所有地址";
    const place = zone ? `${ip}（${zone}）` : ip;
    return alike > 1 ? `${place} 等 ${alike} 个地址` : place;
}

// undefined if only the agent's English sentence exists.
export function chineseCause(link) {
    const { code, reason, ip } = link.finding ?? {};
    const address = link.addresses.find((a) => a.ip === ip);
    if (code === "first_probes") return "首批探测正在进行";
    if (code === "slow") return `${subject(link.finding, link)} 较慢：最近一次探测用时 ${milliseconds(address?.last?.total_us)}`;
    if (code === "partial") return `${subject(link.finding, link)} 部分失败：最近 ${address?.rate?.tried} 次探测中 ${address?.rate?.passed} 次成功` +
        (address?.peers_rate ? `，其他地址 ${address.peers_rate.tried} 次中 ${address.peers_rate.passed} 次` : "");
    if (code === "certificate") return `${subject(link.finding, link)} 的证书将于 ${day(new Date(address?.last?.certificate?.chain_not_after))} 到期`;
    if (code !== "reason" || !CHINESE[reason]) return undefined;
    const detail = link.cause.split(`(${reason}): `)[1];
    return `${subject(link.finding, link)} ${filled(CHINESE[reason][0], link, ip)}（${reason}）` +
        (detail ? `：${detail}` : "") + (link.all_down ? "；没有更好的地址，全部保留在应答中" : "");
}
export function chineseFix(link) {
    const { code, reason, ip } = link.finding ?? {};
    if (code === "slow") return `耗时在哪个阶段？postern probe ${link.name} --count 5`;
    if (code === "partial") return "哪些失败、多频繁？postern logs --since 5m";
    if (code === "certificate") return "须由 TDengine Cloud 更新证书，请立即告知";
    return code === "reason" && CHINESE[reason]?.[1] ? filled(CHINESE[reason][1], link, ip) : undefined;
}
