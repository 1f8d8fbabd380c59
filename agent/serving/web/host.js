// SPDX-License-Identifier: Apache-2.0
// Whether this host's own programs ask postern, in words.

import { el } from "./dom.js";
import { moment } from "./format.js";
import { language, t } from "./words.js";

// "asks", "broken" (taken over, but it does not get there), "apart" or "unknown".
export function hostState({ state, path, answers }) {
    if (state === "on") return path === "fails" || answers === false ? "broken" : path === "works" ? "asks" : "unknown";
    return state === "unknown" ? "unknown" : "apart";
}

// The agent's own sentence where it says more than its values do.
export function hostText(host) {
    const plain = hostState(host) !== "broken" && host.since && ["split", "full"].includes(host.mode);
    if (host.state === "on" && plain) return t(`host_${host.mode}`, { since: moment(new Date(host.since)) });
    if (host.state === "off") return t("host_off");
    return language() === "en" ? host.text : el("span", { lang: "en" }, host.text);
}
