// SPDX-License-Identifier: Apache-2.0
// The verdict; below it every fault: the cause, whose it is, what to do, and the command that does it.

import { byId, el, setText, show } from "./dom.js";
import { addressState, age, badge, inUtc, shape } from "./format.js";
import { drawTab } from "./icon.js";
import { commandBlock } from "./copy.js";
import { faultsOf } from "./faults.js";
import { language, nodesOf, t } from "./words.js";

const TOLD = 20;  // faults that are told at once; the others behind a button

// The link in the headline.
export const worstLink = (status) => status.links.find((link) => link.name === status.headline_link);

const unique = (list) => [...new Set(list)];

// A verdict without a fault has the agent's own sentence.
function summary(status, faults) {
    if (faults.length === 0) return language() === "zh" ? status.texts.zh.headline : status.headline;
    const probed = status.links.filter((link) => link.probing).flatMap((link) => link.addresses.map((a) => [link, a]));
    const count = (state) => probed.filter(([link, a]) => addressState(link, a) === state).length;
    const rest = [["summary_degraded", count("degraded")], ["summary_unknown", count("unknown")]].filter(([, n]) => n > 0);
    const counts = t("summary", { links: status.links.length, up: count("up"), of: probed.length }) + rest.map(([key, n]) => t(key, { n })).join("");
    return faults.length > 1 ? `${t("faults", { n: faults.length })} · ${counts}` : counts;
}

function told(fault) {
    return el("li", {},
        el("p", { class: "cause" }, badge(fault.state, ""),
           fault.subjects.length > 0 && [el("b", {}, unique(fault.subjects).slice(0, 10).join(", "), unique(fault.subjects).length > 10 && " …", fault.subjects.length > 1 && ` ×${fault.subjects.length}`), t("colon")],
           el("span", {}, fault.cause)),
        (fault.owner || fault.since) && el("p", { class: "note" }, [fault.owner && t("owner", { who: fault.owner }), fault.since && age(fault.since, "since_age")]
            .filter(Boolean).flatMap((part, i) => (i ? [" · ", part] : [part]))),
        // Where the command says all of it, it is said once.
        (fault.advice || fault.command) && el("p", { class: "fix" }, el("b", {}, t("next_step")), t("colon"), !(fault.advice && fault.command.endsWith(fault.advice)) && fault.advice),
        fault.command && commandBlock(fault.command));
}

function faultList(faults) {
    if (faults.length === 0) return null;
    const rest = faults.slice(TOLD);
    return [el("ul", { class: "faults" }, faults.slice(0, TOLD).map(told)),
            rest.length > 0 && el("details", { class: "faults" }, el("summary", {}, t("more_faults", { n: rest.length })), el("ul", { class: "faults" }, rest.map(told)))];
}

function lostNote(lost) {
    return el("div", { class: "lost" }, el("p", {}, el("strong", {}, `${shape("failed")} ${t("feed_lost")}`)), nodesOf("lost_cause", { age: age(lost) }),
              commandBlock("systemctl status postern; journalctl -u postern -n 50"));
}

// `lost`: since when the agent does not answer, "" while it does.
export function drawBanner(status, lost) {
    const node = byId("banner");
    const faults = faultsOf(status);
    const key = [status.overall, status.headline, faults,
                 summary(status, faults), language(), inUtc(), lost];
    show(node, key, () => [
        lost && lostNote(lost),
        el("p", { class: "verdict" }, badge(status.overall, t(status.overall)), " ", el("span", { class: "headline" }, summary(status, faults))),
        status.links.length === 0 && [el("p", { class: "fix" }, t("no_links_fix", { path: status.config.path })), commandBlock("postern check-config && systemctl reload postern")],
        faultList(faults),
    ]);
    node.className = lost ? "stale" : status.overall;
    const state = lost ? "unknown" : status.overall, host = status.host.name ?? "";
    drawTab(state, [`${shape(state)} ${t(state)}`, host, "postern"].filter(Boolean).join(" · "));
    show(byId("host"), [state, host, language()], () => [badge(state, t(state)), " ", el("span", {}, host || "postern")]);
    setText(byId("place"), [status.host.instance, status.host.zone, status.host.region].filter(Boolean).join(" · "));
}
