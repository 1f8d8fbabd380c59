// SPDX-License-Identifier: Apache-2.0
// The agent's own words: its catalogue, and whose a fault is, so that screenshots show what people read.

import { readFileSync } from "node:fs";

const read = (path) => readFileSync(new URL(`../../agent/faults/${path}`, import.meta.url), "utf8");
const TEXTS = { en: JSON.parse(read("texts.en.json")), zh: JSON.parse(read("texts.zh.json")) };
const OWNERS = { You: "you", CloudAdmin: "cloud_admin", Tdengine: "tdengine", Alibaba: "alibaba" };

// code → its severity, its owner, and the reason of a probe that it stands for.
const CODES = Object.fromEntries([...read("codes.cpp").matchAll(/\{"(PN-[A-Z0-9-]+)", k\w+, k(Fail|Warn), k(\w+)(?:,\s*(?:\{\}|\w+|"[^"]*"))?(?:, Reason::k(\w+))?/g)]
    .map(([, code, severity, owner, reason]) => [code, { severity: severity.toLowerCase(), owner: OWNERS[owner], reason: reason?.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`).replace(/(status)(\d)/, "$1_$2").slice(1) }]));

export const codeOf = (reason) => Object.keys(CODES).find((code) => CODES[code].reason === reason);

// A value may be a text of the catalogue: {section, key}.
function filled(text, values, language) {
    return text?.replace(/\{(\w+)\}/g, (_, name) => {
        const value = values[name];
        if (value === undefined) throw new Error(`a value is missing: {${name}} of "${text}"`);
        return value?.section ? filled(TEXTS[language][value.section][value.key], values, language) : value;
    }) ?? null;
}

// A fault as /api/v1/status has it. `values` may name a link, an ip with its zone.
export function told(code, { link = null, ip = null, zone = null, ...values } = {}, changes = {}) {
    const { severity, owner, reason } = CODES[code];
    const all = { ...values, ...(link && { link }), ...(ip && { ip, place: zone ? `${ip} (${zone})` : ip }) };
    const words = (language) => {
        const of = TEXTS[language].findings[code], text = of.status ?? of.cause;
        const subject = values.subject ? filled("{subject}", all, language) : all.place;
        const cause = `${ip && !of.status && !text.includes("{ip}") ? `${filled(subject, all, language)} ` : ""}${filled(text, all, language)}${reason ? ` (${reason})` : ""}`;
        return { cause, next_step: filled(of.fix, all, language) };
    };
    const command = TEXTS.en.findings[code].command;
    return { code, severity, owner, link, ip, ...words("en"), fix: command ? command.map((word) => filled(word, all, "en")) : null, since: null, values: all, texts: { zh: words("zh") }, ...changes };
}
