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
const { reasonInChinese, findingInChinese } = await load("reasons_zh", execFileSync("/usr/bin/python3", [`${ROOT}agent/serving/web/pack.py`, "reasons"], { encoding: "utf8" }));
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
    const made = /^(step|src|takeover|source|feed|col|log|legend|to_theme|owner|to_language|finding|host)_/;  // t(`step_${…}`)
    for (const key of Object.keys(english)) assert.ok(made.test(key) || source.includes(`"${key}"`) || source.includes(`${key}: [`), `${key} is not used`);
    for (const [, key] of source.matchAll(/\bt\("(\w+)"/g)) assert.ok(key in english, `${key} is missing`);
    for (const [, key] of source.matchAll(/data-t="(\w+)"/g)) assert.ok(key in english, `${key} is missing`);
});

test("a probe as a command for a shell: what curl is given, whatever the names are; the token stays a variable", async () => {
    const { curlOf } = await load("curl");
    const link = { host: "gw.example", port: 443, kind: "tdengine", token_configured: true, request: { server_name: null, path: "/rest/sql", sql: "select 1", ca_file: null } };
    const given = (changes, ip = "10.0.1.1") => {
        const script = `curl() { printf '%s\\n' "$@"; }\n${curlOf({ ...link, ...changes, request: { ...link.request, ...changes.request } }, ip)}`;
        return execFileSync("sh", ["-c", script], { encoding: "utf8", env: { TOKEN: "from the shell" } }).trim().split("\n");
    };
    assert.equal(curlOf(link, "10.0.1.1"), `curl -sS -m 10 --resolve gw.example:443:10.0.1.1 -d 'select 1' "https://gw.example/rest/sql?token=$TOKEN"`);
    assert.deepEqual(given({}), ["-sS", "-m", "10", "--resolve", "gw.example:443:10.0.1.1", "-d", "select 1", "https://gw.example/rest/sql?token=from the shell"]);
    assert.deepEqual(given({ port: 8443, request: { server_name: "tls.example", sql: "select 'a b' $(id)", ca_file: "/etc/my ca.pem", path: "/a$b" } }, "fd00::1").slice(3), [
        "--resolve", "tls.example:8443:[fd00::1]", "--cacert", "/etc/my ca.pem", "-H", "Host: gw.example", "-d", "select 'a b' $(id)",
        "https://tls.example:8443/a$b?token=from the shell"]);
    assert.deepEqual(given({ kind: "https", token_configured: false, request: { sql: null, path: "/" } }).slice(4), ["gw.example:443:10.0.1.1", "https://gw.example/"]);
    assert.equal(curlOf({ ...link, kind: "tcp", request: { server_name: null, path: null, sql: null, ca_file: null } }, "10.0.1.1"), "");
});

test("every reason and every finding of the agent has Chinese words", () => {
    const tokens = (file, begin, end) => {
        const text = read(file), from = text.indexOf(begin);
        return [...text.slice(from, text.indexOf(end, from)).matchAll(/"([a-z][a-z0-9_]+)"/g)].map(([, token]) => token);
    };
    const reasons = tokens("probe/probe_types.cpp", "kReasonNames{", "};");
    for (const reason of reasons) assert.ok(reasonInChinese(reason), reason);
    assert.ok(reasons.length >= 39);
    const findings = tokens("agent/status/compare_finding.cpp", "to_string(Comparison finding) {", "\n}\n");
    for (const finding of findings) assert.ok(findingInChinese(finding), finding);
    assert.ok(findings.length >= 7);
});
