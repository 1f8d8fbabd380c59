// SPDX-License-Identifier: Apache-2.0
// Screenshots of every state, to be looked at: node tests/browser/shots.mjs FOLDER [SCENE …]
//   each scene at 320, 768, 1280, 1440 and 1920 px, light and dark, in English and Chinese, and as printed;
//   with --looks "^320|print" those of them alone; with --top what is seen before one scrolls
// The page of a running agent instead:         node tests/browser/shots.mjs FOLDER --url http://127.0.0.1:9853/plain
// The two of packaging/pictures:               node tests/browser/shots.mjs --pictures
// No part of the tests: what it shows is judged by people.

import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { AgentStandIn } from "./agent_standin.mjs";
import { closeBrowser, openBrowser, openPage } from "./browser.mjs";
import { record } from "./fixtures.mjs";
import { scenes } from "./scenes.mjs";

const { values: { pictures, url, looks: chosen, top }, positionals } = parseArgs({ allowPositionals: true, options: { pictures: { type: "boolean" }, url: { type: "string" }, looks: { type: "string" }, top: { type: "boolean" } } });
const [folder, ...wanted] = pictures ? [new URL("../../packaging/pictures", import.meta.url).pathname, "three"] : positionals;
const unknown = wanted.filter((name) => !(name in scenes));
if (!folder || unknown.length > 0) throw new Error(`usage: node shots.mjs FOLDER [SCENE …] [--url URL] [--looks PATTERN] [--top]; scenes: ${Object.keys(scenes).join(", ")}`);
mkdirSync(folder, { recursive: true });

const screen = { viewport: { width: 1280, height: 1020 } };
const looks = pictures ? { "status-page": screen, "status-page.zh-CN": { ...screen, locale: "zh-CN" } } : { print: {} };
if (!pictures) {
    for (const width of [320, 768, 1280, 1440, 1920]) {
        for (const colorScheme of ["light", "dark"]) {
            for (const locale of ["en-GB", "zh-CN"]) looks[`${width}-${colorScheme}-${locale.slice(0, 2)}`] = { viewport: { width, height: 900 }, colorScheme, locale };
        }
    }
}
for (const look of Object.keys(looks)) {
    if (chosen && !new RegExp(chosen).test(look)) delete looks[look];
}

const records = [6, 5, 4, 3, 2, 1, 0].map((i) => record(i % 2 ? "10.0.2.2" : "10.0.1.1", i, i % 2 ? "tcp_timeout" : null, i === 5 ? { prev_state: "down" } : {}));
const fileOf = (scene, look) => (pictures ? `${folder}/${look}.png` : `${folder}/${scene}-${look}.png`);

async function shoot(address, scene, settled, then = async () => {}) {
    for (const [look, options] of Object.entries(looks)) {
        const page = await openPage(address, { settled, expected: [/ERR_/], ...options });
        if (!url) await page.waitForFunction(() => document.querySelector("#detail").hidden || document.querySelector("#chart svg, #chart .empty"));
        await then(page);
        if (look === "print") {
            await page.emulateMedia({ media: "print" });
            await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
        }
        await page.screenshot({ path: fileOf(scene, look), fullPage: !pictures && !top });
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        if (options.viewport && width > options.viewport.width) console.log(scene, look, `sticks out: ${width} px`);
        if (page.trouble.length) console.log(scene, look, page.trouble);
        await page.context().close();
    }
}

await openBrowser();
if (url) await shoot(url, "page", "body");
for (const [name, scene] of Object.entries(url ? {} : scenes)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const agent = await new AgentStandIn(scene(), { records }).start();
    await shoot(agent.url, name, undefined, name === "gone" ? async (page) => {
        agent.silence();
        await page.waitForFunction(() => document.body.classList.contains("lost"));
        agent.speak();
    } : undefined);
    await agent.stop();
}
await closeBrowser();
