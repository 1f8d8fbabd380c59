// SPDX-License-Identifier: Apache-2.0
// The reasons of failed probes in Chinese, in short: pack.py fills CHINESE in from doctor's catalogue.

import { span } from "./format.js";

const CHINESE = {};

const FINDINGS = {
    unknown: "尚无结论", both_work: "私网与公网都正常", public_fails: "只有公网网关异常；私网链路不依赖它", privatelink_broken: "PrivateLink 中断，服务本身正常：公网网关有应答，私网地址都不通",
    private_gateway_fails: "只有私网网关异常：同样的语句在公网可用", service_down: "服务本身不可用，公网网关也失败", neither_reached: "两条路都到不了网关：服务不可用，或本机网络有问题",
};
export const findingInChinese = (finding) => FINDINGS[finding];

export const chineseNote = (n) => `uid ${n.uid ?? "…"} 有 ${n.total} 个连接${{ withdrawn: "仍", bypass: "绕行" }[n.kind] ?? ""}在 ${n.ip}` +
    (n.stuck ? `，${n.stuck} 个卡住 ${span(n.stuck_for_us / 1e6)}` : "");

export const reasonInChinese = (reason) => CHINESE[reason];
