// SPDX-License-Identifier: Apache-2.0
// The reasons of failed probes in Chinese: cause, next step. pack.py fills CHINESE in from doctor's catalogue; {ip} {host} {port}
// {link} are filled in here.

import { day, milliseconds, span } from "./format.js";

const CHINESE = {};

const FINDINGS = {
    unknown: "尚无结论", both_work: "私网与公网都正常", public_fails: "仅公网网关异常，不影响私网链路", privatelink_broken: "PrivateLink 中断：公网网关响应正常，私网地址全部不通",
    private_gateway_fails: "仅私网网关异常：同一语句经公网网关可以执行", service_down: "服务不可用：公网网关也访问失败", neither_reached: "私网和公网都无法到达网关：服务不可用，或本机网络异常",
};
export const findingInChinese = (finding) => FINDINGS[finding];

export const chineseNote = (n) => `uid ${n.uid ?? "…"} 有 ${n.total} 个 TCP 连接${{ withdrawn: "仍在已摘除的", bypass: "未经 PrivateLink，到" }[n.kind] ?? "到"} ${n.ip}` +
    (n.stuck ? `，其中 ${n.stuck} 个卡住 ${span(n.stuck_for_us / 1e6)}` : "");

// Short form: up to the first colon.
export const reasonInChinese = (reason) => CHINESE[reason]?.[0].split(/[：；，]/)[0];

const filled = (text, link, ip) => text.replace(/\{(\w+)\}/g, (whole, name) => ({ ip: ip || "ADDRESS", host: link.host, port: link.port, link: link.name })[name]);

function subject({ ip, zone, alike }, link) {
    if (alike > 1 && alike === link.addresses.length) return "全部地址";
    const place = zone ? `${ip}（${zone}）` : ip;
    return alike > 1 ? `${place} 等 ${alike} 个地址` : place;
}

// undefined if only the agent's English sentence exists.
export function chineseCause(link) {
    const { code, reason, ip } = link.finding ?? {};
    const address = link.addresses.find((a) => a.ip === ip);
    if (code === "first_probes") return "正在进行首次探测";
    if (code === "slow") return `${subject(link.finding, link)} 响应缓慢：最近一次探测耗时 ${milliseconds(address?.last?.total_us)}`;
    if (code === "partial") return `${subject(link.finding, link)} 部分探测失败：最近 ${address?.rate?.tried} 次中成功 ${address?.rate?.passed} 次` +
        (address?.peers_rate ? `，其他地址 ${address.peers_rate.tried} 次中成功 ${address.peers_rate.passed} 次` : "");
    if (code === "certificate") return `${subject(link.finding, link)} 的证书将于 ${day(new Date(address?.last?.certificate?.chain_not_after))} 到期`;
    if (code !== "reason" || !CHINESE[reason]) return undefined;
    const detail = link.cause.split(`(${reason}): `)[1];
    return `${subject(link.finding, link)} ${filled(CHINESE[reason][0], link, ip)}（${reason}）` +
        (detail ? `：${detail}` : "") + (link.all_down ? "；没有状态更好的地址，仍应答全部地址" : "");
}
export function chineseFix(link) {
    const { code, reason, ip } = link.finding ?? {};
    if (code === "slow") return `查看耗时在哪个阶段：postern probe ${link.name} --count 5`;
    if (code === "partial") return "查看失败的探测及其频率：postern logs --since 5m";
    if (code === "certificate") return "请联系 TDengine Cloud 更新证书";
    return code === "reason" && CHINESE[reason]?.[1] ? filled(CHINESE[reason][1], link, ip) : undefined;
}
