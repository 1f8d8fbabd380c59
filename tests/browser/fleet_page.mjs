// SPDX-License-Identifier: Apache-2.0
// The fleet's page of a real agent, looked at by tests/e2e/test_fleet_page.py.
//   node fleet_page.mjs URL ADDRESS     ADDRESS: one that is down for the hosts of one zone

import assert from "node:assert/strict";
import { closeBrowser, openBrowser, openPage, seriousFindings } from "./browser.mjs";

const [url, address] = process.argv.slice(2);
const WORDS = { en: [/is down for all 500 hosts of/, /Next step/], zh: [/500 台主机/, /下一步/] };

await openBrowser();
try {
    for (const language of ["en", "zh"]) {
        for (const width of [320, 1280]) {
            const page = await openPage(url, { settled: "body", still: true, viewport: { width, height: 900 }, locale: language === "zh" ? "zh-CN" : "en-GB" });
            const text = await page.locator("body").innerText();
            for (const words of [address, /\b100[01]\b/, ...WORDS[language]]) assert.ok(words instanceof RegExp ? words.test(text) : text.includes(words), `${language}, ${width} px: ${words} in\n${text.slice(0, 1500)}`);
            const wide = await page.evaluate(() => document.documentElement.scrollWidth);
            assert.ok(wide <= width, `${language}: ${wide} of ${width} px`);
            assert.equal(await page.locator("div[lang]").first().getAttribute("lang"), language === "zh" ? "zh-CN" : "en");
            assert.deepEqual(await seriousFindings(page), [], `${language}, ${width} px`);
            assert.deepEqual(page.trouble, []);
            assert.ok((await page.locator("a[href]").count()) > 0, "a way back");
            console.log(`${language} ${width}`);
            await page.context().close();
        }
    }
} finally {
    await closeBrowser();
}
