// SPDX-License-Identifier: Apache-2.0
// How fast the status page is, in a real Chromium on this machine: first paint, drawing what the agent said first, and the
// bytes of page and script that were moved.
//   tests/browser/prepare.sh build/browser && node tests/bench/page/run.mjs [--runs 20] [--url http://127.0.0.1:9853/]
// Each run is a context of its own, with nothing cached; then a second visit, with the script cached; and beside each a page
// of one word from the same server, so that `to_empty`, the ratio of the medians, tells of the page and not of the machine.
// Prints one JSON line a scene and visit, in milliseconds. With --url the page of a running agent instead of the scenes.

import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { AgentStandIn, packed } from "../../browser/agent_standin.mjs";
import { closeBrowser, openBrowser, openPage } from "../../browser/browser.mjs";
import { scenes } from "../../browser/scenes.mjs";

const { values } = parseArgs({ options: { runs: { type: "string", default: "20" }, url: { type: "string" } } });
const runs = Number(values.runs);
if (!Number.isInteger(runs) || runs < 1 || runs > 1000) throw new Error("--runs: expected 1 to 1000");

const summary = (times) => {
    const sorted = [...times].sort((a, b) => a - b);
    return { min: sorted[0], median: sorted[sorted.length >> 1], max: sorted.at(-1) };
};

const firstPaint = (page) => page.evaluate(async () => {
    while (!performance.getEntriesByName("first-contentful-paint")[0]) await new Promise(requestAnimationFrame);
    return performance.getEntriesByName("first-contentful-paint")[0].startTime;
});

const look = (page) => page.evaluate(async () => {
    const painted = (name) => performance.getEntriesByName(name)[0]?.startTime;
    while (painted("first-contentful-paint") === undefined) await new Promise(requestAnimationFrame);
    const files = [performance.getEntriesByType("navigation")[0], ...performance.getEntriesByType("resource").filter((r) => r.name.includes("/assets/"))];
    return { first_paint: Math.round(painted("first-paint")), first_contentful_paint: Math.round(painted("first-contentful-paint")),
             draw: Math.round(performance.getEntriesByName("draw")[0].duration), moved_bytes: files.reduce((sum, file) => sum + file.transferSize, 0) };
});

async function measure(what, url, empty) {
    const visits = { first: [], second: [] }, bare = [];
    for (let run = 0; run < runs; ++run) {
        if (empty) {
            const page = await openPage(empty, { settled: "p" });
            bare.push(await firstPaint(page));
            await page.context().close();
        }
        const page = await openPage(url);
        visits.first.push(await look(page));
        await page.goto("about:blank");
        await page.goto(url);
        await page.waitForSelector("#app:not([hidden])");
        visits.second.push(await look(page));
        await page.context().close();
    }
    for (const [visit, seen] of Object.entries(visits))
        console.log(JSON.stringify({ what, visit, runs, empty: bare.length > 0 ? Math.round(summary(bare).median) : undefined,
                                     to_empty: bare.length > 0 ? Math.round(summary(seen.map((one) => one.first_contentful_paint)).median / summary(bare).median * 100) / 100 : undefined, ...Object.fromEntries(Object.keys(seen[0]).map((key) => [key, summary(seen.map((one) => one[key]))])) }));
}

const sizeOf = (text) => ({ raw: Buffer.byteLength(text), compressed: gzipSync(text, { level: 9 }).length });
console.log(JSON.stringify({ what: "size", page: sizeOf(Object.values(packed.parts).join("")), script: sizeOf(packed.script) }));
await openBrowser();
if (values.url) await measure(values.url, values.url);
for (const scene of values.url ? [] : ["one", "three", "thousand"]) {
    const agent = await new AgentStandIn(scenes[scene]()).start();
    await measure(scene, agent.url, `${agent.url}empty`);
    await agent.stop();
}
await closeBrowser();
