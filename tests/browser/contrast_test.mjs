// SPDX-License-Identifier: Apache-2.0
// The colours of the page, by WCAG's formula: text 4.5 to 1 on every ground, what is drawn 3 to 1. No browser needed.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const css = readFileSync(new URL("../../agent/serving/web/style.css", import.meta.url), "utf8");
const coloursAfter = (selector) => {
    const from = css.indexOf(`${selector} {`);
    return Object.fromEntries([...css.slice(from, css.indexOf("}", from)).matchAll(/--([\w-]+): (#[0-9a-f]{3}(?:[0-9a-f]{3})?)\b/g)].map(([, name, value]) => [name, value]));
};
const light = (hex) => {
    const digits = hex.length === 4 ? [...hex.slice(1)].map((d) => d + d) : hex.slice(1).match(/../g);
    const [r, g, b] = digits.map((d) => parseInt(d, 16) / 255).map((v) => (v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4));
    return .2126 * r + .7152 * g + .0722 * b;
};
function ratio(one, other) {
    const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
    return (bright + .05) / (dark + .05);
}

for (const [theme, selector] of [["light", ":root"], ["dark", ':root[data-theme="dark"]'], ["dark by the system", ':root:not([data-theme="light"])']]) {
    test(`contrast, ${theme}`, () => {
        const colours = coloursAfter(selector);
        const check = (names, least) => {
            for (const name of names) {
                for (const ground of ["bg", "card", "soft"]) assert.ok(ratio(colours[name], colours[ground]) >= least, `--${name} on --${ground}: ${ratio(colours[name], colours[ground]).toFixed(2)}`);
            }
        };
        check(["ink", "muted", "good", "warn", "bad", "link"], 4.5);
        check(["fill", "good-fill", "warn-fill", "bad-fill", "mute-fill", "c1", "c2", "c3", "c4", "c5"], 3);
    });
}
