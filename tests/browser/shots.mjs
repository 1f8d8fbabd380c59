// SPDX-License-Identifier: Apache-2.0
// Screenshots of every scene, to be looked at: node tests/browser/shots.mjs FOLDER [SCENE …]
// The two of packaging/pictures:               node tests/browser/shots.mjs --pictures

import { mkdirSync } from "node:fs";
import { AgentStandIn } from "./agent_standin.mjs";
import { closeBrowser, openBrowser, openPage } from "./browser.mjs";
import { record, scenes } from "./fixtures.mjs";

const pictures = process.argv[2] === "--pictures";
const [folder, ...wanted] = pictures ? [new URL("../../packaging/pictures", import.meta.url).pathname, "three"] : process.argv.slice(2);
if (!folder) throw new Error("usage: node shots.mjs FOLDER [SCENE …]");
mkdirSync(folder, { recursive: true });
const screen = { viewport: { width: 1280, height: 1020 } };
const looks = pictures ? { "status-page": screen, "status-page.zh-CN": { ...screen, locale: "zh-CN" } } : { 1920: { viewport: { width: 1920, height: 1080 } }, 1440: { viewport: { width: 1440, height: 900 } },
                768: { viewport: { width: 768, height: 1024 } }, 320: { viewport: { width: 320, height: 640 } },
                dark: { colorScheme: "dark" }, chinese: { locale: "zh-CN" }, "chinese-320-dark": { locale: "zh-CN", colorScheme: "dark", viewport: { width: 320, height: 640 } }, print: {} };
const records = [6, 5, 4, 3, 2, 1, 0].map((i) => record(i % 2 ? "10.0.2.2" : "10.0.1.1", i, i % 2 ? "tcp_timeout" : null, i === 5 ? { prev_state: "down" } : {}));
await openBrowser();
for (const [name, scene] of Object.entries(scenes)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const agent = await new AgentStandIn(scene(), { records }).start();
    for (const [look, options] of Object.entries(looks)) {
        const page = await openPage(agent.url, options);
        await page.waitForFunction(() => document.querySelector("#detail").hidden || document.querySelector("#chart svg, #chart .empty"));
        if (look === "print") {
            await page.emulateMedia({ media: "print" });
            await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
        }
        await page.screenshot({ path: pictures ? `${folder}/${look}.png` : `${folder}/${name}-${look}.png`, fullPage: !pictures });
        if (page.trouble.length) console.log(name, look, page.trouble);
        await page.context().close();
    }
    await agent.stop();
}
await closeBrowser();
