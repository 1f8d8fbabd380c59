// SPDX-License-Identifier: Apache-2.0
// The reasons of failed probes in Chinese, in short: pack.py fills CHINESE in from doctor's catalogue.

import { span } from "./format.js";

const CHINESE = {};

const FINDINGS = {
    unknown: "尚无结论", both_work: "私网与公网都正常", public_fails: "仅公网网关异常，不影响私网链路", privatelink_broken: "PrivateLink 中断：公网网关响应正常，私网地址全部不通",
    private_gateway_fails: "仅私网网关异常：同一语句经公网网关可以执行", service_down: "服务不可用：公网网关也访问失败", neither_reached: "私网和公网都无法到达网关：服务不可用，或本机网络异常",
};
export const findingInChinese = (finding) => FINDINGS[finding];

export const chineseNote = (n) => `uid ${n.uid ?? "…"} 有 ${n.total} 个 TCP 连接${{ withdrawn: "仍在已摘除的", bypass: "未经 PrivateLink，到" }[n.kind] ?? "到"} ${n.ip}` +
    (n.stuck ? `，其中 ${n.stuck} 个卡住 ${span(n.stuck_for_us / 1e6)}` : "");

export const reasonInChinese = (reason) => CHINESE[reason];
