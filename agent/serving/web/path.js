// SPDX-License-Identifier: Apache-2.0
// The path strips: of this host, and of each link in trouble, or of the one that is looked at. The agent judges the steps
// (agent/status/path_steps); here they are drawn.

import { byId, el, show } from "./dom.js";
import { badge, stateWord, worstFirst } from "./format.js";
import { language, said, t } from "./words.js";

const STRIPS = 8;  // links whose strips are drawn at once; the others behind a button

const inTrouble = ({ steps }) => steps.some(({ state }) => state === "fail" || state === "warn");

const strip = (steps) => el("ol", { class: "path" }, steps.map((s) => el("li", { class: s.state === "unknown" ? "skip" : s.state },
    el("span", { class: "step" }, t(`step_${s.step}`)), badge(s.state === "unknown" ? "skip" : s.state, t(s.state === "unknown" ? "skip_" : s.state)),
    el("span", { class: "note" }, said(s)))));

const ofLink = (link) => [el("h3", {}, link.name, " ", badge(link.probing ? link.state : "unknown", link.probing ? stateWord(link.state) : t("not_probed"))), strip(link.steps)];

export function drawPath(status, chosen) {
    const bad = worstFirst(status.links.filter(inTrouble));
    const links = chosen && !bad.includes(chosen) ? [chosen, ...bad] : bad;
    show(byId("path"), [status.steps, links.map((l) => [l.name, l.state, l.steps]), language()], () => [
        strip(status.steps), links.slice(0, STRIPS).map(ofLink),
        links.length > STRIPS && el("details", { ontoggle: ({ target }) => target.open && target.children.length < 2 && target.append(...links.slice(STRIPS, 200).map(ofLink).flat()) },
                                  el("summary", {}, t("more_links", { n: links.length - STRIPS })))]);
}
