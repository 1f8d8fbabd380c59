// SPDX-License-Identifier: Apache-2.0
// The language of the page. {name} in a text is filled in; data from the agent is never used as a text.

import { recall, remember } from "./dom.js";
import { english } from "./words_en.js";
import { chinese } from "./words_zh.js";

const catalogues = { en: english, zh: chinese };

function preferred() {
    const saved = recall("language");
    if (saved in catalogues) return saved;
    return (navigator.languages ?? [navigator.language]).some((l) => /^zh/i.test(l)) &&
        !/^en/i.test(navigator.language) ? "zh" : "en";
}

let current = preferred();

export const language = () => current;
export function setLanguage(code) {
    current = code;
    remember("language", code);
}

export function t(key, values) {
    const text = catalogues[current][key] ?? english[key] ?? key;
    return values ? text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole) : text;
}
// What the agent says in both languages.
export const said = ({ text, texts }) => (current === "zh" ? texts.zh.text : text);

// The same, with nodes in place of the names.
export const nodesOf = (key, nodes) => t(key).split(/\{(\w+)\}/).map((part, i) => (i % 2 ? nodes[part] : part));
