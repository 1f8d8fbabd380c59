// SPDX-License-Identifier: Apache-2.0
// The catalogues of the page are complete: no browser needed.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const read = (path) => readFileSync(ROOT + path, "utf8");
const load = (module, text = read(`agent/serving/web/${module}.js`)) => import(`data:text/javascript,${encodeURIComponent(text.replace(/^import .*$/gm, ""))}`);
const { english } = await load("words_en");
const { chinese } = await load("words_zh");
const { reasonInChinese } = await load("reasons_zh", execFileSync("/usr/bin/python3", [`${ROOT}agent/serving/web/pack.py`, "reasons"], { encoding: "utf8" }));
const names = (text) => (text.match(/\{\w+\}/g) ?? []).sort();

test("both catalogues have the same entries with the same places to fill", () => {
    assert.deepEqual(Object.keys(chinese).sort(), Object.keys(english).sort());
    for (const [key, text] of Object.entries(english)) {
        assert.ok(text && chinese[key], key);
        assert.deepEqual(names(chinese[key]), names(text), key);
    }
});

test("every entry is used, and what is used is an entry", () => {
    const source = readdirSync(`${ROOT}agent/serving/web`).filter((name) => /^(?!words_).*\.(js|html)$/.test(name)).map((name) => read(`agent/serving/web/${name}`)).join("\n");
    const made = /^(step|src|source|feed|col|log|legend|to_theme|owner|to_language|up)_|^(pass|warn|fail|reply|sql)$/;  // t(`step_${…}`)
    for (const key of Object.keys(english)) assert.ok(made.test(key) || source.includes(`"${key}"`) || source.includes(`${key}: [`), `${key} is not used`);
    for (const [, key] of source.matchAll(/\bt\("(\w+)"/g)) assert.ok(key in english, `${key} is missing`);
    for (const [, key] of source.matchAll(/data-t="(\w+)"/g)) assert.ok(key in english, `${key} is missing`);
});

test("every reason of the agent has Chinese words", () => {
    const tokens = (file, begin, end) => {
        const text = read(file), from = text.indexOf(begin);
        return [...text.slice(from, text.indexOf(end, from)).matchAll(/"([a-z][a-z0-9_]+)"/g)].map(([, token]) => token);
    };
    const reasons = tokens("probe/probe_types.cpp", "kReasonNames{", "};");
    for (const reason of reasons) assert.ok(reasonInChinese(reason), reason);
    assert.ok(reasons.length >= 39);
});

test("every source of addresses has words", () => {
    const tokens = ["agent/discovery/source_key.cpp", "agent/discovery/known_source.cpp"].flatMap((path) =>
        [...read(path).matchAll(/(?:return|\?|:|=) "([a-z]+)"/g)].map(([, token]) => token));
    for (const token of ["api", "dns", "fixed", "list", "none", "snapshot"]) assert.ok(tokens.includes(token), token);
    for (const token of tokens) assert.ok(`source_${token}` in english, token);
});
