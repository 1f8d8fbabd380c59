// SPDX-License-Identifier: Apache-2.0
// The verdict, its cause and the next step, in English the sentences of `postern status`; in Chinese
// from the finding.

import { byId, el, show } from "./dom.js";
import { addressState, age, badge, shape } from "./format.js";
import { chineseCause, chineseFix } from "./reasons_zh.js";
import { language, nodesOf, t } from "./words.js";

const inEnglish = (text) => (language() === "en" ? text : el("span", { lang: "en" }, text));

// The cause or fix of a link as nodes; null when there is none.
export function causeOf(link) {
    if (!link.cause) return null;
    return (language() === "zh" && chineseCause(link)) || inEnglish(link.cause);
}
export function fixOf(link) {
    if (!link.fix) return null;
    return (language() === "zh" && chineseFix(link)) || inEnglish(link.fix);
}

// The link in the headline.
export const worstLink = (status) => status.links.find((link) => link.name === status.headline_link);

const OWNERS = { "you": "owner_you", "whoever runs your VPC": "owner_cloud_admin" };
const ownerOf = ({ finding }) => (finding.owner in OWNERS ? t(OWNERS[finding.owner]) : finding.owner);

function goodChinese(status) {
    const probed = status.links.filter((link) => link.probing).flatMap((link) => link.addresses.map((a) => [link, a]));
    const up = probed.filter(([link, a]) => addressState(link, a) === "up").length;
    return status.links.length === 0 ? t("no_links") : `${status.links.length} 个连接，${probed.length} 个地址中 ${up} 个正常`;
}

function headline(status, worst) {
    if (language() === "en") return status.headline;
    if (worst && worst.cause) {
        const more = status.headline_more;
        return [`${worst.name}：`, causeOf(worst), more > 0 ? `（另有 ${more} 项）` : ""];
    }
    return status.overall === "good" ? goodChinese(status) : inEnglish(status.headline);
}

function nextStep(status, worst) {
    if (status.links.length === 0) return t("no_links_fix", { path: status.config.path });
    return worst ? fixOf(worst) : null;
}

// `lost`: since when the agent does not answer, "" while it does.
export function drawBanner(status, lost) {
    const node = byId("banner");
    const worst = worstLink(status);
    const key = [status.overall, status.headline, worst?.fix, status.config.path, language(), lost];
    const changed = show(node, key, () => {
        const fix = nextStep(status, worst);
        return [
            lost && el("div", { class: "lost" }, el("strong", {}, `${shape("failed")} ${t("feed_lost")}. `),
                       nodesOf("lost_cause", { age: age(lost) }), el("br"), t("lost_fix")),
            el("p", { class: "verdict" }, badge(status.overall, t(status.overall)), " ",
               el("span", { class: "headline" }, headline(status, worst))),
            fix && el("p", { class: "fix" }, el("b", {}, t("next_step")), " ", el("span", {}, fix), worst?.finding?.owner && el("span", { class: "note" }, ` (${t("owner", { who: ownerOf(worst) })})`)),
        ];
    });
    node.className = lost ? "stale" : status.overall;
    document.title = `${shape(lost ? "unknown" : status.overall)} ${t(lost ? "unknown" : status.overall)} - postern`;
    return changed;
}
