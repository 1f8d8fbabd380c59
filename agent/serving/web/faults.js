// SPDX-License-Identifier: Apache-2.0
// What is wrong, as the agent tells it in both languages, worst first: one entry for each fault, the same ones of several
// links together: {state, subjects, cause, owner, advice, command, since}.

import { shellLine } from "./copy.js";
import { language, t } from "./words.js";

const OWNERS = ["you", "cloud_admin", "tdengine", "alibaba"];

function inWords(fault) {
    const words = language() === "zh" ? fault.texts.zh : fault;
    return { state: fault.severity, subjects: fault.link ? [fault.link] : [], cause: words.cause, advice: words.next_step,
             // What is not known yet is nobody's to mend.
             owner: fault.severity !== "unknown" && OWNERS.includes(fault.owner) ? t(`owner_${fault.owner}`) : "", command: fault.fix ? shellLine(fault.fix) : "", since: fault.since };
}

export function faultsOf({ faults }) {
    const seen = new Map();
    for (const fault of faults.map(inWords)) {
        const key = [fault.state, fault.cause, fault.advice, fault.command].join("\n");
        if (seen.has(key)) seen.get(key).subjects.push(...fault.subjects);
        else seen.set(key, fault);
    }
    return [...seen.values()];
}

// The one about an address, or about its link where it names none.
export function faultOf({ faults }, link, ip) {
    const fault = faults.find((f) => f.link === link.name && f.ip === ip) ?? faults.find((f) => f.link === link.name && !f.ip);
    return fault && inWords(fault);
}
