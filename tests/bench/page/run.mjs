// SPDX-License-Identifier: Apache-2.0
// How fast the status page is, in a real Chromium on this machine: first paint, and drawing what the agent said first.
//   tests/browser/prepare.sh build/browser && node tests/bench/page/run.mjs [--runs 20]
// Each run is a context of its own: nothing is cached. Prints one JSON line a scene, in milliseconds.

import { parseArgs } from "node:util";
import { AgentStandIn, packed } from "../../browser/agent_standin.mjs";
import { closeBrowser, openBrowser, openPage } from "../../browser/browser.mjs";
import { scenes } from "../../browser/fixtures.mjs";

const { values } = parseArgs({ options: { runs: { type: "string", default: "20" } } });
const runs = Number(values.runs);
if (!Number.isInteger(runs) || runs < 1 || runs > 1000) throw new Error("--runs: expected 1 to 1000");

const summary = (times) => {
    const sorted = [...times].sort((a, b) => a - b);
    return { min: sorted[0], median: sorted[sorted.length >> 1], max: sorted.at(-1) };
};

await openBrowser();
console.log(JSON.stringify({ what: "size", raw: Buffer.byteLength(packed.head + packed.tail), compressed: packed.squeezed }));
for (const scene of ["one", "three", "thousand"]) {
    const agent = await new AgentStandIn(scenes[scene]()).start();
    const paint = [], content = [], draw = [];
    for (let run = 0; run < runs; ++run) {
        const page = await openPage(agent.url);
        const seen = await page.evaluate(async () => {
            const painted = (name) => performance.getEntriesByName(name)[0]?.startTime;
            while (painted("first-contentful-paint") === undefined) await new Promise(requestAnimationFrame);
            return { paint: painted("first-paint"), content: painted("first-contentful-paint"), draw: performance.getEntriesByName("draw")[0].duration };
        });
        paint.push(Math.round(seen.paint));
        content.push(Math.round(seen.content));
        draw.push(Math.round(seen.draw));
        await page.context().close();
    }
    console.log(JSON.stringify({ what: scene, runs, first_paint: summary(paint), first_contentful_paint: summary(content), draw: summary(draw) }));
    await agent.stop();
}
await closeBrowser();
