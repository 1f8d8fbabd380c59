// SPDX-License-Identifier: Apache-2.0
// The page of a real agent, driven by tests/e2e/test_page.py: says one line for each thing it has seen, and waits for a
// line before it looks for the next. Ends with an error where it sees something else.
//   node real_page.mjs http://127.0.0.1:9853/ LINK ADDRESS_A ADDRESS_B

import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { closeBrowser, openBrowser, openPage, seriousFindings } from "./browser.mjs";
import { incidents, record } from "./fixtures.mjs";
import { scenes } from "./scenes.mjs";

const [url, link, first, second] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
async function seen(what) {
    console.log(what);
    await lines.next();
}
const shows = (page, selector, words) => page.waitForFunction(([where, what]) => document.querySelector(where)?.innerText.includes(what), [selector, words], { timeout: 60000 });

// Every key that the stand-in has, the real one has, too: what is tested against the stand-in holds for the agent.
function sameKeys(real, standIn, path) {
    if (Array.isArray(standIn)) {
        if (standIn.length > 0 && real.length > 0) sameKeys(real[0], standIn[0], `${path}[]`);
    } else if (standIn !== null && typeof standIn === "object" && real !== null && !/queries$|failures_total$/.test(path)) {
        for (const key of Object.keys(standIn)) {
            assert.ok(key in real, `${path}.${key} is in the agent's document`);
            sameKeys(real[key], standIn[key], `${path}.${key}`);
        }
    }
}

const ask = async (path) => (await fetch(url + path)).json();

await openBrowser();
try {
    const page = await openPage(url, { expected: [/ERR_/] });
    await shows(page, "#feed", "live");
    for (const ip of [first, second]) await shows(page, "#matrix", ip);
    await shows(page, "#banner", "1 link, 2 of 2 addresses up");
    await page.waitForSelector("#chart svg");
    await shows(page, "#log", second);
    const steps = Object.fromEntries((await page.locator("#path li").allInnerTexts()).map((step) => step.split(/\s*\n\s*/)));
    for (const step of ["Resolver", "DNS answer", "Credentials", "Endpoint", "Security group", "TCP", "TLS", "HTTP", "SQL"]) assert.equal(steps[step], "✓ pass", step);
    // Its resolv.conf names postern, which nobody has "enabled": that is seen, and no takeover is missed.
    assert.equal(steps["This host"], "✓ pass");
    await shows(page, "#path", "asks postern, set by hand");
    assert.doesNotMatch(await page.locator("#banner").innerText(), /does not ask/);
    assert.match(await page.title(), /^● Good · \S+ · postern$/);
    assert.match(await page.locator("#facts").innerText(), /Valid until\s+\d+ \w+ \d+ \(\d+ days left\)/);
    assert.match(await page.locator("#dns").innerText(), /running, pid \d+/);
    assert.match(await page.locator("#matrix tr.address svg").first().getAttribute("aria-label"), /^last \d+ probes: \d+ good, 0 failed$/);
    assert.deepEqual(await seriousFindings(page), []);
    await seen(await page.locator("#commands code").nth(1).innerText());
    sameKeys(await ask("api/v1/status"), scenes.three(), "status");
    sameKeys((await ask("api/v1/probes?limit=1")).probes[0], record("", 1), "probe");
    sameKeys(await ask("api/v1/incidents"), incidents([]), "incidents");
    const curl = await page.locator("#commands code").nth(1).innerText();

    const plain = await openPage(url, { javaScriptEnabled: false, settled: "#plain .banner" });
    await plain.waitForURL("**/plain");
    await plain.waitForSelector("#plain .banner");
    assert.match(await plain.title(), /^● good · \S+ · postern$/);
    const still = await openPage(`${url}plain`, { settled: "#plain .banner" });
    await still.setContent((await (await fetch(`${url}plain`)).text()).replace(/<meta http-equiv="refresh"[^>]*>/, ""));  // it would go on under axe
    assert.deepEqual(await seriousFindings(still), []);
    assert.match(await plain.locator("#plain").innerText(), new RegExp(`good 1 link, 2 of 2 addresses up[^]*${link}[^]*${first}[^]*● up[^]*${second}`));
    assert.deepEqual(plain.trouble, []);
    assert.equal(await plain.locator("ol.path li").count(), 3 + 9);
    assert.deepEqual(await plain.locator("ol.path .step").allInnerTexts(), await page.locator("#path .step").allInnerTexts());
    for (const drawn of ["svg.chart path.line", "svg.streak path.good"]) assert.ok(await plain.locator(drawn).count() > 0, drawn);
    assert.ok((await plain.locator("pre.command").allInnerTexts()).includes(curl), "the same curl command");
    await plain.click(`#plain table a:has-text("${second}")`);
    await plain.waitForURL(/ip=.*range=day#detail$/);
    assert.match(await plain.locator("#detail").innerText(), new RegExp(second.replaceAll(".", "\\.")));
    await plain.click("a.ratio:has-text('30 d')");
    await plain.waitForURL(/range=month#detail$/);
    assert.deepEqual(plain.trouble, []);
    const chinese = await openPage(url, { javaScriptEnabled: false, settled: "#plain .banner", locale: "zh-CN" });
    await chinese.waitForURL("**/plain");
    await chinese.waitForSelector("#plain .banner");
    assert.match(await chinese.locator("#plain").innerText(), /正常 1 个连接[^]*最近一次探测[^]*● 正常/);
    await seen("up");

    await shows(page, "#banner", "refuses the connection");
    await shows(page, "#matrix", "tcp_refused");
    await shows(page, "#matrix", "withdrawn");
    await shows(page, "#log", "tcp_refused");
    await shows(page, "#all", "still failing");
    sameKeys(await ask("api/v1/incidents"), incidents(scenes.three().links), "incidents");
    await plain.goto(`${url}plain`);
    assert.match(await plain.locator("#plain").innerText(), /TCP\s+▲ warn\s+1 of 2[^]*tcp_refused[^]*still failing/);
    await seen("down");

    await shows(page, "#banner", "No connection to the agent");
    await seen("lost");

    await shows(page, "#log", "The agent was restarted.");
    await shows(page, "#feed", "live");
    await page.waitForFunction(() => !document.querySelector("#banner").innerText.includes("No connection"));
    assert.deepEqual(page.trouble, []);
    await seen("back");
} finally {
    await closeBrowser();
}
process.exit(0);
