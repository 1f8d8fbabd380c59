// SPDX-License-Identifier: Apache-2.0
// How large the page is and how soon it is there: node tests/browser/measure.mjs [URL]
// URL: of a running agent; without it the stand-in with three addresses and with a thousand. Medians of nine loads, with an
// empty cache and with the script in it. Numbers of one machine: compare them within one run.

import { gzipSync } from "node:zlib";
import { AgentStandIn, packed } from "./agent_standin.mjs";
import { closeBrowser, openBrowser, openPage } from "./browser.mjs";
import { scenes } from "./fixtures.mjs";

const LOADS = 9;
const middle = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];

async function load(page, url) {
    await page.goto(url);
    await page.waitForSelector("#app:not([hidden])");
    await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
    return page.evaluate(() => ({
        paint: performance.getEntriesByName("first-contentful-paint")[0].startTime, drawn: performance.getEntriesByName("draw")[0].startTime + performance.getEntriesByName("draw")[0].duration,
        moved: [performance.getEntriesByType("navigation")[0], ...performance.getEntriesByType("resource").filter((r) => r.name.includes("/assets/"))].reduce((sum, r) => sum + r.transferSize, 0),
    }));
}

async function measure(name, url) {
    for (const warm of [false, true]) {
        const all = [];
        for (let i = 0; i < LOADS; ++i) {
            const page = await openPage(url);
            if (warm) await load(page, url);
            else await (await page.context().newCDPSession(page)).send("Network.clearBrowserCache");
            all.push(await load(page, url));
            await page.context().close();
        }
        const of = (key) => middle(all.map((one) => one[key])).toFixed(0);
        console.log(`${name}, ${warm ? "script cached" : "empty cache"}: first paint ${of("paint")} ms, all drawn ${of("drawn")} ms, ${of("moved")} bytes moved`);
    }
}

const shell = Object.values(packed.parts).join(""), bytes = (text) => `${Buffer.byteLength(text)} bytes, ${gzipSync(text, { level: 9 }).length} compressed`;
console.log(`page without the agent's part: ${bytes(shell)}\nscript: ${bytes(packed.script)}`);
await openBrowser();
if (process.argv[2]) {
    await measure(process.argv[2], process.argv[2]);
} else {
    for (const scene of ["three", "thousand"]) {
        const agent = await new AgentStandIn(scenes[scene]()).start();
        await measure(scene, agent.url);
        await agent.stop();
    }
}
await closeBrowser();
