// SPDX-License-Identifier: Apache-2.0
// One Chromium for all tests of a file, and pages that note every console message, error and request.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const MODULES = process.env.POSTERN_BROWSER_MODULES ?? fileURLToPath(new URL("../../build/browser", import.meta.url));
const require = createRequire(`${MODULES}/package.json`);
const { chromium } = require("playwright-core");
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => existsSync(path));

let browser = null;

export async function openBrowser() {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}
export async function closeBrowser() {
    await browser?.close();
}

// A page on `url`, which does not reload itself if `still`; `trouble` lists whatever the console said, uncaught errors and requests to anywhere else.
export async function openPage(url, { settled = "#app:not([hidden])", expected = [], still = false, ...options } = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-GB", timezoneId: "Asia/Shanghai", ...options });
    context.setDefaultTimeout(60000);  // a deadline, not an expectation
    const page = await context.newPage();
    page.trouble = [];
    page.on("console", (message) => {
        const text = `${message.text()} ${message.location().url}`;
        if (["error", "warning"].includes(message.type()) && !expected.some((pattern) => pattern.test(text))) page.trouble.push(text);
    });
    page.on("pageerror", (error) => page.trouble.push(String(error)));
    page.on("request", (request) => {
        if (!request.url().startsWith(new URL(url).origin) && !request.url().startsWith("data:")) page.trouble.push(`a request to ${request.url()}`);
    });
    if (still) {
        await page.route(url, async (route) => {
            const response = await route.fetch();
            await route.fulfill({ response, body: (await response.text()).replace(/<meta http-equiv="refresh"[^>]*>/, "") });
        });
    }
    await page.goto(url);
    await page.waitForSelector(settled);
    return page;
}

// Serious findings of axe as "rule: selector". The page's policy forbids foreign scripts: axe runs in an isolated world.
export async function seriousFindings(page) {
    const source = require("axe-core").source;
    const session = await page.context().newCDPSession(page);
    const { frameTree } = await session.send("Page.getFrameTree");
    const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
    const run = async (expression) => {
        const { result, exceptionDetails } = await session.send("Runtime.evaluate", { expression, contextId: executionContextId, awaitPromise: true, returnByValue: true });
        if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
        return result.value;
    };
    await run(`${source};1`);
    return run(`axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations.filter((v) => ["serious", "critical"].includes(v.impact))
        .flatMap((v) => v.nodes.map((n) => v.id + ": " + n.target.join(" ") + " " + (n.any[0]?.message ?? ""))))`);
}
