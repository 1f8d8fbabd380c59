// SPDX-License-Identifier: Apache-2.0
// The status page in a real Chromium, against a stand-in of the agent.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, afterEach, before, test } from "node:test";
import { AgentStandIn, packed } from "./agent_standin.mjs";
import { closeBrowser, openBrowser, openPage, seriousFindings } from "./browser.mjs";
import { address, ago, fault, link, record, status } from "./fixtures.mjs";
import { scenes } from "./scenes.mjs";

let agent = null;
const pages = [];

before(openBrowser);
after(closeBrowser);
afterEach(async () => {
    for (const page of pages.splice(0)) {
        assert.deepEqual(page.trouble, [], "the console is quiet and nothing foreign is asked");
        await page.context().close();
    }
    await agent?.stop();
    agent = null;
});

async function open(document, options = {}) {
    agent ??= await new AgentStandIn(document, options).start();
    const page = await openPage(agent.url + (options.hash ?? ""), options);
    pages.push(page);
    return page;
}
const text = (page, selector) => page.locator(selector).innerText();
const until = (page, check, argument) => page.waitForFunction(check, argument, { timeout: 60000 });
const shows = (page, selector, words) =>
    until(page, ([where, what]) => document.querySelector(where)?.innerText.includes(what), [selector, words]);

test("page and script keep their budget; the policy allows style and script by their hashes alone", () => {
    const shell = Object.values(packed.parts).join("");
    assert.equal(packed.raw, Buffer.byteLength(shell + packed.script));
    assert.ok(packed.raw <= 95000, `${packed.raw}`);
    assert.ok(packed.compressed <= 33000, `${packed.compressed}`);
    assert.match(packed.policy, /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; connect-src 'self'; /);
    const hash = createHash("sha256").update(packed.script).digest();
    assert.ok(packed.policy.includes(`script-src 'sha256-${hash.toString("base64")}';`));
    assert.equal(packed.address, `assets/postern.${hash.toString("hex").slice(0, 16)}.js`);
    assert.ok(shell.includes(`<script type="module" src="${packed.address}" integrity="sha256-${hash.toString("base64")}"></script>`));
    const markup = shell.replace(/<(style|script)[^]*?<\/\1>/g, "");
    assert.doesNotMatch(markup, / style=| on[a-z]+=|https?:|<script|<img/);
});

test("a script that is not the packed one does not run, and the agent's own rendering stays", async () => {
    agent = await new AgentStandIn(scenes.one()).start();
    agent.script = `${packed.script};window.pwned=1`;
    const page = await open(null, { settled: "#from-the-agent", expected: [/integrity|ERR_/] });
    assert.equal(await page.evaluate(() => window.pwned), undefined);
    assert.equal(await page.locator("#from-the-agent").isVisible(), true);
});

test("the tab: title and icon have state and host, and turn with them", async () => {
    const page = await open(scenes.three());
    assert.equal(await page.title(), "▲ Degraded · app-server-1 · postern");
    assert.match(await text(page, "header"), /▲ Degraded app-server-1\s+i-bp1example · cn-hangzhou-h · cn-hangzhou/);
    const icon = () => page.locator("#icon").getAttribute("href");
    assert.equal(await icon(), packed.icons.degraded);
    agent.setStatus(scenes.one());
    await until(page, () => document.title === "● Good · app-server-1 · postern");
    assert.equal(await icon(), packed.icons.good);
    assert.equal(new Set(Object.values(packed.icons)).size, 4);
});

test("no link: says so and what to do", async () => {
    const page = await open(scenes.none());
    assert.match(await text(page, "#banner"), /Good\s+no links: postern only forwards\s+Add a \[\[link\]\] to \/etc\/postern\/postern\.toml[^]*postern check-config && systemctl reload postern/);
    assert.equal(await page.locator("#detail").isVisible(), false);
});

test("three addresses: the verdict in the words of status, cause, fix, path and the address in trouble", async () => {
    const page = await open(scenes.three());
    const s = scenes.three();
    assert.match(await text(page, "#banner .verdict"), /Degraded/);
    assert.equal(await text(page, "#banner .headline"), "Links: 2 · addresses up: 2 of 3");
    assert.match(await text(page, "#banner .faults .cause"), new RegExp(`^▲ tdengine-prod: ${s.links[0].cause.replace(/[()]/g, "\\$&")}$`));
    assert.match(await text(page, "#banner .faults .note"), /^owner: whoever runs your VPC · for 12 mins$/);
    assert.ok((await text(page, "#banner .fix")).includes(s.links[0].fix));
    const steps = await page.locator("#path li").allInnerTexts();
    assert.deepEqual(steps.map((step) => step.replace(/\s+/g, " ")), [
        "This host ✓ pass asks postern for the private names", "Resolver ✓ pass answers on 127.0.0.153:53", "Upstreams ✓ pass 2 of 2 answer",
        "Credentials ✓ pass the API answers", "Endpoint ✓ pass Connected", "DNS answer ✓ pass answers 1 of 2", "Security group ▲ warn 1 of 2 time out",
        "TCP ▲ warn 1 of 2", "TLS ✓ pass 1 of 1", "HTTP ✓ pass 1 of 1", "SQL ✓ pass 1 of 1", "Connections ✓ pass 8 open, none stuck"]);
    const row = await text(page, "#matrix tr.chosen");
    for (const word of ["10.0.2.2", "cn-hangzhou-i", "down", "tcp_timeout ×12", "withdrawn"]) assert.ok(row.includes(word), word);
    assert.match(await page.locator("#matrix tr.chosen svg").getAttribute("aria-label"), /^last 60 probes: 48 good, 12 failed$/);
});

test("what is not known yet is counted as such, and is nobody's to mend", async () => {
    const page = await open(scenes.first());
    assert.equal(await text(page, "#banner .headline"), "Links: 1 · addresses up: 0 of 2 · not known yet: 2");
    assert.match(await text(page, "#banner .faults"), /^○ tdengine-prod: the first probes are under way\s+for \d+ secs?\s+Next step: wait a moment$/);
});

test("strips of the path and rows have one order, the worst first; the list of the fleet has its age", async () => {
    const page = await open(scenes.several());
    const names = async (where) => (await page.locator(where).allInnerTexts()).map((line) => line.split(" ")[0]);
    assert.deepEqual(await names("#path h3"), ["prod", "test", "staging", "metrics", "archive"]);
    assert.deepEqual(await names("#matrix tr.link .name"), await names("#path h3"));
    agent.setStatus(scenes.listOld());
    await shows(page, "#discovery", "List of prod");
    assert.match(await text(page, "#discovery"), /List of prod\s+Generation\s+1,204\s+Written\s+35 mins ago, ops-1/);
    assert.match(await text(page, "#discovery"), /tdengine-prod list of the fleet/);
});

test("how long a certificate lasts is in the row; whether that is too short is the agent's to say", async () => {
    const page = await open(scenes.one());
    assert.match(await text(page, "#matrix tr.address .cert"), /^6[23] days$/);
    agent.setStatus(scenes.expiring());
    await shows(page, "#banner", "addresses up: 0 of 1 · degraded: 1");
    assert.match(await text(page, "#matrix tr.address .cert"), /^[45] days$/);
    assert.equal(await page.locator("#matrix .cert .state.degraded").count(), 1);
    assert.match(await text(page, "#facts"), /\([45] days left\)/);
});

test("every state is told by word and shape", async () => {
    const page = await open(scenes.states());
    const rows = await page.locator("#matrix tr.address").allInnerTexts();
    // Trouble first.
    const want = ["✕ down", "✕ down", "✕ down", "✕ down", "▲ degraded", "○ unknown", "○ unknown", "● up", "○ not probed", "● up", "● up", "● up"];
    assert.equal(rows.length, want.length);
    rows.forEach((row, i) => assert.ok(row.includes(want[i]), `${row} shows ${want[i]}`));
    assert.match(await text(page, "#discovery"), /NoPermission: privatelink:ListVpcEndpointZones.*\n*give the RAM role this action/s);
    assert.match(await text(page, "#banner"), /no space left/);
});

test("an address that is not probed has no chart of another", async () => {
    const page = await open(scenes.states());
    await page.waitForSelector("#chart path.line");
    await page.click("#matrix tr.address:has-text('10.0.0.9') button");
    await shows(page, "#detail-title", "not-probed · 10.0.0.9");
    assert.equal(await page.locator("#chart path.line").count(), 0);
    assert.match(await text(page, "#chart"), /not probed/);
});

test("a skipped step is told with its reason, and is seen", async () => {
    const page = await open(status([link("tdengine-prod", [address(1, "down"), address(2, "down")])]));
    const steps = (await page.locator("#path li").allInnerTexts()).map((step) => step.replace(/\s+/g, " "));
    assert.deepEqual(steps.slice(7, 11), ["TCP ✕ fail 0 of 2", "TLS – skip not reached: TCP", "HTTP – skip not reached: TCP", "SQL – skip not reached: TCP"]);
    for (const step of await page.locator("#path li").all()) assert.equal(await step.evaluate((node) => node.getBoundingClientRect().left >= 0), true);
});

test("a thousand addresses are drawn in under 200 ms, virtually, and can be found", async () => {
    const page = await open(scenes.thousand());
    const times = [];
    const drawn = () => page.evaluate(() => performance.getEntriesByName("draw")[0].duration);
    times.push(await drawn());
    while (Math.min(...times) >= 200 && times.length < 10) {  // a machine that does something else is no fault of the page
        await page.reload();
        await page.waitForSelector("#app:not([hidden])");
        times.push(await drawn());
    }
    console.log(`a thousand addresses drawn in ${times.map((t) => t.toFixed(0)).join(", ")} ms`);
    assert.ok(Math.min(...times) < 200, `the best of ${times}`);
    assert.ok(await page.locator("#matrix tr.address").count() < 60);
    assert.equal(await page.locator("#matrix table").getAttribute("aria-rowcount"), "1002");
    await page.locator("#matrix").evaluate((node) => (node.scrollTop = node.scrollHeight));
    await shows(page, "#matrix", "10.0.3.232");
    await page.fill("#matrix-find", "10.0.2.77");
    await until(page, () => document.querySelectorAll("#matrix tr.address").length === 1);
    await page.click("#matrix tr.address button");
    await shows(page, "#detail-title", "fleet · 10.0.2.77");
    await page.fill("#matrix-find", "");
    await page.check("#matrix-trouble");
    await shows(page, "#matrix-count", "36 of 1000 shown");
});

test("a probe can be copied as curl; the token is the shell's, and no button where nothing is sent", async () => {
    agent = await new AgentStandIn(scenes.three()).start();
    const page = await open(null, { permissions: ["clipboard-read", "clipboard-write"] });
    await page.locator("#commands .command button").last().click();
    await until(page, () => document.querySelector("#facts").innerText.includes("Copied"));
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.equal(copied, `curl -sS -m 10 --resolve tdengine-prod.private.cloud.tdengine.example:443:10.0.2.2 -d 'select 1' "https://tdengine-prod.private.cloud.tdengine.example/rest/sql?token=$TOKEN"`);
    agent.setStatus(status([link("socket", [address(1)], { kind: "tcp", request: { server_name: null, path: null, sql: null, ca_file: null, curl: null } })]));
    await shows(page, "#detail-title", "socket");
    assert.equal(await page.locator("#commands .command").count(), 1, "postern probe alone");
});

test("hostile strings are shown as text", async () => {
    agent = await new AgentStandIn(scenes.hostile(), { records: [record("10.0.1.1", 1, "sql_error", { detail: scenes.hostile().warnings[0] })] }).start();
    const page = await open();
    await shows(page, "#log", "sql_error");
    for (const where of ["#banner .cause", "#banner .fix", "#banner code", "#matrix", "#facts", "#log"]) await shows(page, where, "<script>window.pwned=1</script>");
    assert.equal(await page.evaluate(() => window.pwned), undefined);
    assert.equal(await page.locator("img, #app script").count(), 0);
    assert.doesNotMatch(await page.evaluate(() => document.body.innerText), /[\u202e\u0000]/);
});

test("the chart: line, band, crosses; a summary, a reading by keys, a table; ranges and phases", async () => {
    const page = await open(scenes.three());
    await page.waitForSelector("#chart path.line");
    assert.match(await text(page, "#chart-summary"), /^p50 2\.\d ms \(from .* to .*\), p95 at most .*; 24 of 360 probes failed\.$/);
    assert.equal((await page.locator("#chart path.line").getAttribute("d")).split("M").length - 1, 2, "the gap breaks the line");
    assert.equal((await page.locator("#chart path.failures").getAttribute("d")).split("M").length - 1, 4, "a cross for each minute that failed");
    assert.equal((await page.locator("#chart path.outage").getAttribute("d")).split("M").length - 1, 4, "and shaded, where most probes of it did");
    await page.focus("#chart");
    await page.keyboard.press("End");
    assert.match(await text(page, "#chart-reading"), /: p50 .* ms, p95 .* ms, 0 of 6 failed$/);
    for (let i = 0; i < 9; ++i) await page.keyboard.press("ArrowLeft");
    assert.match(await text(page, "#chart-reading"), /6 of 6 failed \(tcp_timeout\)$/);
    assert.deepEqual((await page.locator("#ratios button b").allInnerTexts()), ["93.33 %", "99.71 %", "99.96 %", "99.98 %"]);
    await page.click("#ratios button:nth-child(4)");
    await shows(page, "#chart-summary", "26 of 259,200 probes failed");
    await page.selectOption("#chart-phase", "tls");
    await until(page, () => document.querySelector("#chart").getAttribute("aria-label").startsWith("TLS handshake over 30 d"));
    await page.click("#chart-table summary");
    await until(page, () => document.querySelectorAll("#chart-table tbody tr").length === 240);
});

test("news arrive by stream: the table, the log, its filters and its pause", async () => {
    const page = await open(scenes.three());
    await shows(page, "#feed", "live");
    agent.setStatus(scenes.one());
    await shows(page, "#banner", "1 link, 1 of 1 addresses up");
    agent.probe(record("10.0.1.1", 1));
    agent.probe(record("10.0.2.2", 2, "tcp_timeout"));
    await shows(page, "#log", "tcp_timeout");
    await page.selectOption("#log-what", "failed");
    await until(page, () => document.querySelectorAll("#log tbody tr").length === 1);
    await page.fill("#log-find", "10.0.1.1");
    await shows(page, "#log", "No probe matches.");
    await page.fill("#log-find", "");
    await page.selectOption("#log-what", "all");
    await page.click("#log-pause");
    agent.probe(record("10.0.1.1", 3));
    await shows(page, "#log-note", "1 new");
    assert.equal(await page.locator("#log tbody tr").count(), 2);
    await page.click("#log-pause");
    await until(page, () => document.querySelectorAll("#log tbody tr").length === 3);
});

test("a dropped stream is taken up again and nothing is shown twice or lost", async () => {
    const page = await open(scenes.one(), { expected: [/ERR_/] });
    agent.probe(record("10.0.1.1", 1));
    await until(page, () => document.querySelectorAll("#log tbody tr td").length > 1);
    agent.dropStreams();
    agent.records.unshift(record("10.0.1.1", 2, "tcp_timeout"));  // while nobody listened
    await until(page, () => document.querySelectorAll("#log tbody tr").length === 2);
    await shows(page, "#log", "tcp_timeout");
    await shows(page, "#feed", "live");
});

test("an agent that is gone is said, with how long and what to do; one that came back is said, too", async () => {
    const page = await open(scenes.one(), { expected: [/ERR_/] });
    await shows(page, "#feed", "live");
    const { port } = agent;
    await agent.stop();
    await shows(page, "#banner", "No connection to the agent");
    await shows(page, "#banner", "systemctl status postern");
    assert.match(await page.title(), /^○ Unknown · app-server-1/);
    agent = await new AgentStandIn(status(scenes.one().links, { started: ago(-60), version: "0.2.0" }), { port }).start();
    await shows(page, "#log", "The agent was restarted.");
    await until(page, () => !document.querySelector("#banner").innerText.includes("No connection"));
    await shows(page, "#warnings", "reload the page");
});

test("an agent that takes connections and says nothing is found out", async () => {
    const page = await open(scenes.one(), { expected: [/ERR_/] });
    await shows(page, "#feed", "live");
    agent.silent = true;
    await page.waitForFunction(() => document.querySelector("#banner").innerText.includes("No connection"), null, { timeout: 60000 });
    agent.silent = false;
    await page.waitForFunction(() => document.querySelector("#feed").innerText.includes("live"), null, { timeout: 60000 });
});

test("a page that is not served a stream asks instead", async () => {
    agent = await new AgentStandIn(scenes.one()).start();
    agent.refuseStreams = true;
    const page = await open(null, { expected: [/503/] });
    await shows(page, "#feed", "refreshed every 5 s");
    await shows(page, "#banner", "1 link");
    agent.refuseStreams = false;
    await shows(page, "#feed", "live");
});

test("a hidden page holds no stream; shown again it catches up", async () => {
    const page = await open(scenes.one());
    await shows(page, "#feed", "live");
    const hide = (hidden) => page.evaluate((value) => {
        Object.defineProperty(document, "hidden", { value, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
    const streams = new Promise((done) => [...agent.streams][0].on("close", done));
    await hide(true);
    await streams;
    await shows(page, "#feed", "paused while hidden");
    agent.records.unshift(record("10.0.1.1", 7, "tcp_refused"));
    await hide(false);
    await shows(page, "#log", "tcp_refused");
});

test("Chinese: every word of the page's own, remembered; the agent's own sentences are marked as English", async () => {
    const page = await open(scenes.three(), { locale: "zh-CN" });
    assert.equal(await page.getAttribute("html", "lang"), "zh-CN");
    assert.match(await text(page, "#banner"), /降级\s+连接 2 个 · 地址 3 个，其中 2 个正常\s+▲ tdengine-prod：10\.0\.2\.2 \(cn-hangzhou-i\) 没有响应：连接端口 443 超时 \(tcp_timeout\)\s+负责方：您的 VPC 管理员 · 已持续 12\s?分钟\s+下一步：在终端节点的安全组中放行本机到 TCP 443/);
    const left = await page.evaluate(() => {
        const walker = document.createTreeWalker(document.querySelector("#app"), NodeFilter.SHOW_TEXT);
        const out = [];
        for (let node; (node = walker.nextNode());) {
            if (node.parentElement.closest('[lang="en"], code, a, option, [hidden], td, th, time, title, h1, #place, #detail-host')) continue;
            const words = node.textContent.replace(/[\w.-]+\.(toml|example|md)[^\s]*/g, "").match(/\b[a-z]{4,}( [a-z]{3,})+\b/gi);
            if (words) out.push(node.textContent);
        }
        return out;
    });
    assert.deepEqual(left, []);
    await page.click("#language");
    await shows(page, "#banner", "Next step");
    await page.reload();
    await page.waitForSelector("#app:not([hidden])");
    assert.match(await text(page, "#banner"), /Next step/);
});

for (const [look, options] of Object.entries({ light: {}, dark: { colorScheme: "dark" }, chinese: { locale: "zh-CN" }, narrow: { viewport: { width: 320, height: 640 } } })) {
    for (const scene of ["none", "states", "three"]) {
        test(`accessible: ${scene}, ${look}`, async () => {
            agent = await new AgentStandIn(scenes[scene](), { records: [record("10.0.1.1", 1), record("10.0.1.1", 0, "tcp_timeout")] }).start();
            const page = await open(null, options);
            if (scene !== "none") await page.waitForSelector("#chart path.line");
            assert.deepEqual(await seriousFindings(page), []);
        });
    }
}

test("the theme can be changed and is remembered", async () => {
    const page = await open(scenes.one());
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await background();
    await page.click("#theme");
    const dark = await background();
    assert.notEqual(dark, light);
    await page.reload();
    await page.waitForSelector("#app:not([hidden])");
    assert.equal(await background(), dark);
    assert.deepEqual(await seriousFindings(page), []);
});

for (const width of [320, 640, 768, 1280, 1366, 1440, 1480, 1920]) {
    test(`nothing sticks out sideways at ${width} px`, async () => {
        for (const scene of ["states", "hostile", "thousand"]) {
            const page = await open(scenes[scene](), { viewport: { width, height: 800 } });
            await page.waitForSelector("#chart path.line");
            assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, scene);
            const cut = () => ["matrix", "incidents", "log-scroll"].filter((id) => document.getElementById(id).scrollWidth > document.getElementById(id).clientWidth);
            assert.deepEqual(await page.evaluate(cut), [], `${scene}: no column is cut`);
            await agent.stop();
            agent = null;
            await pages.pop().context().close();
        }
    });
}

for (const width of [320, 768]) {
    test(`the last probes of each address are seen at ${width} px, good ones too`, async () => {
        const page = await open(scenes.thousand(), { viewport: { width, height: 800 } });
        for (const name of ["good", "bad"]) assert.ok((await page.locator(`#matrix tr.chosen path.${name}`).boundingBox())?.width > 10, name);
        await page.locator("#matrix").evaluate((node) => (node.scrollTop = node.scrollHeight));
        await shows(page, "#matrix", "10.0.3.232");  // the rows have the height that was measured
    });
}

test("by keyboard alone: the skip link, an address, its ranges", async () => {
    const page = await open(scenes.three());
    await page.waitForSelector("#ratios button");
    const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.innerText);
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "Skip to the addresses");
    await page.keyboard.press("Enter");
    await until(page, () => document.activeElement.id === "addresses");
    const seen = [];
    for (let i = 0; i < 8 && seen.at(-1) !== "10.0.1.1"; ++i) {
        await page.keyboard.press("Tab");
        seen.push(await focused());
    }
    assert.deepEqual(seen, ["matrix-find", "matrix-trouble", "10.0.2.2", "10.0.1.1"]);
    await page.keyboard.press("Enter");
    assert.equal(await focused(), "detail-title");
    assert.match(await text(page, "#detail-title"), /10\.0\.1\.1/);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await until(page, () => document.querySelector("#ratios button:nth-child(2)").getAttribute("aria-pressed") === "true");
    assert.match(await focused(), /24 h/);
});

test("what has the focus keeps it while news arrive", async () => {
    const page = await open(scenes.three());
    await page.focus("#matrix tr.address:has-text('10.0.1.1') button");
    const next = scenes.three();
    next.links[0].addresses[0].last.total_us = 99000;
    agent.setStatus(next);
    await shows(page, "#matrix", "99 ms");
    assert.equal(await page.evaluate(() => document.activeElement.innerText), "10.0.1.1");
});

test("print: no controls, every row", async () => {
    const page = await open(scenes.thousand());
    await page.emulateMedia({ media: "print" });
    await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
    assert.equal(await page.locator("#matrix tr.address").count(), 1000);
    assert.equal(await page.locator("#theme").isVisible(), false);
    await page.emulateMedia({ media: "screen" });
    await page.evaluate(() => dispatchEvent(new Event("afterprint")));
    assert.ok(await page.locator("#matrix tr.address").count() < 60);
});

test("with JavaScript off the agent's own rendering stands", async () => {
    agent = await new AgentStandIn(scenes.three()).start();
    const page = await open(null, { javaScriptEnabled: false, settled: "#from-the-agent" });
    assert.equal(await page.locator("#from-the-agent").isVisible(), true);
    assert.equal(await page.locator("#app").isVisible(), false);
    assert.equal(agent.askedFor("/api/"), 0);
});

test("several links in trouble are each told, the worst first; what is the same is told once", async () => {
    const page = await open(scenes.several());
    const causes = await page.locator("#banner .cause").allInnerTexts();
    assert.equal(causes.length, 4);
    assert.ok(causes.slice(0, 3).every((cause) => cause.startsWith("✕")));
    assert.match(causes[0], /^✕ prod, staging, metrics ×3: /);
    assert.match(causes[3], /^▲ archive: /);
    assert.doesNotMatch(await text(page, "#banner"), /more/);
    const same = scenes.several();
    for (const one of same.faults) Object.assign(one, { severity: "fail", ip: null, cause: "the token was refused (http_status_401)", next_step: "write the new token into its file" });
    agent.setStatus(same);
    await shows(page, "#banner", `${[...new Set(same.faults.map((one) => one.link))].join(", ")} ×${same.faults.length}: the token was refused`);
    assert.equal(await page.locator("#banner .cause").count(), 1);
});

test("a fault's command is a block of its own, quoted for a shell, and is copied as it stands", async () => {
    agent = await new AgentStandIn(status([link("tdengine-prod", [address(1)])], { overall: "degraded", faults: [fault("PN-X", { severity: "warn", owner: "cloud_admin", cause: "the <b>cause</b>", next_step: "do this",
        fix: ["sudo", "sed", "-i", "s/a b/$(id)/", "/etc/it's"] })] })).start();
    const page = await open(null, { permissions: ["clipboard-read", "clipboard-write"] });
    assert.match(await text(page, "#banner .faults"), /^▲ the <b>cause<\/b>\s+owner: whoever runs your VPC · for \d+ mins\s+Next step: do this\s+sudo sed -i 's\/a b\/\$\(id\)\/' '\/etc\/it'\\''s'\s+Copy$/);
    await page.click("#banner .copy");
    await shows(page, "#banner", "Copied");
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `sudo sed -i 's/a b/$(id)/' '/etc/it'\\''s'`);
});

test("the path strip tells of dead upstreams, of a host that does not ask postern, of stuck connections", async () => {
    const page = await open(scenes.lostUpstreams());
    const step = async (name) => (await page.locator("#path li", { hasText: name }).first().innerText()).replace(/\s+/g, " ");
    assert.equal(await step("Upstreams"), "Upstreams ✕ fail 2 of 2: no answer");
    assert.match(await text(page, "#dns"), /100\.100\.2\.136:53\s+since the start: 812 timeouts[^]*✕ no answer/);
    agent.setStatus(scenes.takeoverOff());
    await shows(page, "#banner", "this host does not ask postern");
    assert.equal(await step("This host"), "This host ▲ warn does not ask postern");
    assert.equal(await text(page, "#banner .command code"), "postern dns enable");
    agent.setStatus(scenes.stuck());
    await shows(page, "#path", "5 stuck on 10.0.2.2");
    agent.setStatus(scenes.one());
    await until(page, () => !document.querySelector("#banner").innerText.includes("does not ask"));
});

test("each link in trouble has its path, and the one that is looked at; of many the others wait behind a button", async () => {
    const page = await open(scenes.several());
    const heads = () => page.locator("#path h3").allInnerTexts().then((list) => list.map((head) => head.replace(/\s+/g, " ")));
    assert.deepEqual(await heads(), ["prod ✕ down", "test ✕ down", "staging ✕ down", "metrics ✕ down", "archive ▲ degraded"]);
    agent.setStatus(status([link("fine", [address(1)]), link("bad", [address(2, "down")]), link("fine-too", [address(3)])]));
    await until(page, () => document.querySelectorAll("#path h3").length === 1);
    assert.deepEqual(await heads(), ["bad ✕ down"]);
    await page.click("#matrix tr.address:has-text('10.0.0.3') button");
    await until(page, () => document.querySelectorAll("#path h3").length === 2);
    assert.deepEqual(await heads(), ["fine-too ● up", "bad ✕ down"]);
    agent.setStatus(status(Array.from({ length: 300 }, (_, i) => link(`link-${i}`, [address(i + 1, "down")]))));
    await shows(page, "#path", "292 more links");
    assert.equal((await heads()).length, 8);
    await page.click("#path summary");
    await until(page, () => document.querySelectorAll("#path h3").length === 200);
    await page.reload();
    await page.waitForSelector("#app:not([hidden])");
    await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
    assert.equal((await heads()).length, 200, "paper has them at once");
    assert.equal(await page.locator("#banner .cause").count(), 300, "and every fault");
});

test("the failures of all addresses are one list: those that began together are one, and those that go on come first", async () => {
    const page = await open(scenes.thousand());
    await page.waitForSelector("#all tbody tr");
    const rows = (await page.locator("#all tbody tr").allInnerTexts()).map((row) => row.replace(/\s+/g, " "));
    assert.match(rows[0], /^4 Mar 12:53:53 UTC\+8 fleet 10\.0\.0\.6, 10\.0\.0\.103, 10\.0\.0\.200 … ×11 ✕ still failing 12 mins 132 tcp_timeout$/);
    assert.match(rows[1], /60 secs 1 tcp_timeout$/);
    assert.equal(agent.askedFor("/api/v1/incidents?limit=50"), 1);
    agent.setStatus(scenes.several());  // the state of an address turned
    await shows(page, "#all", "staging");
    assert.equal(agent.askedFor("/api/v1/incidents?limit=50"), 2);
});

test("how much of a time was recorded is said with its ratio", async () => {
    const page = await open(scenes.young());
    await until(page, () => document.querySelectorAll("#ratios button b")[2]?.innerText.includes("%"));
    assert.deepEqual((await page.locator("#ratios button").allInnerTexts()).map((t) => t.split("\n")[0]), ["21 mins of 1 h", "21 mins of 24 h", "21 mins of 7 d", "21 mins of 30 d"]);
    assert.match(await text(page, "#matrix tr.address:has-text('10.0.2.2')"), /98\.41 % in 21 mins\s+98\.41 % in 21 mins/);
    assert.match(await page.locator("#bar svg").getAttribute("aria-label"), /^History of 1 h: failures in 4 of 2\d parts with probes$/);
});

test("the bar and the failures of an address", async () => {
    const page = await open(scenes.three());
    await page.waitForSelector("#bar svg");
    assert.equal(await page.locator("#bar .bad").count(), 4);
    assert.match(await page.locator("#bar g:has(.bad) title").first().textContent(), /6 of 6 failed, p50 – \(tcp_timeout\)$/);
    const rows = (await page.locator("#incidents tbody tr").allInnerTexts()).map((row) => row.replace(/\s+/g, " "));
    assert.equal(rows.length, 2);
    assert.match(rows[0], /^4 Mar 12:53:53 UTC\+8 ✕ still failing 12 mins 12 tcp_timeout$/);
    await page.click("#ratios button:nth-child(2)");
    await until(page, () => document.querySelector("#bar svg").getAttribute("aria-label").startsWith("History of 24 h"));
});

test("a failure that an address repeats is one line with how often; another address or result is a line of its own", async () => {
    agent = await new AgentStandIn(scenes.three()).start();
    for (let i = 1; i <= 31; ++i) agent.records.unshift(record("10.0.2.2", i, "tcp_timeout", { prev_state: i === 3 ? "up" : "down" }), record("10.0.1.1", i + .5));
    const page = await open();
    await shows(page, "#log", "×31");
    assert.equal(await page.locator("#log tbody tr.bad").count(), 1);
    assert.match(await text(page, "#log tbody tr.bad"), /tcp_timeout ×31 since 13:06:08[^]*● up → ✕ down/);
    assert.equal(await page.locator("#log tbody tr").count(), 32);
    agent.probe(record("10.0.2.2", 40));
    agent.probe(record("10.0.2.2", 41, "tcp_timeout"));
    await until(page, () => document.querySelectorAll("#log tbody tr.bad").length === 2);
});

test("all times in UTC or in local time, with their zone, remembered", async () => {
    agent = await new AgentStandIn(scenes.three(), { records: [record("10.0.1.1", 1)] }).start();
    const page = await open();
    await shows(page, "#log", "13:06:08");
    await shows(page, "#log", "(UTC+8)");
    await page.waitForSelector("#incidents tbody tr");
    await page.click("#clock");
    await shows(page, "#log", "05:06:08");
    await shows(page, "#incidents", "4 Mar 04:53:53 UTC");
    await shows(page, "#facts", "05:04:52 UTC");
    assert.match(await text(page, "#chart"), /0[45]:\d\d/);
    assert.doesNotMatch(await text(page, "main"), /UTC\+8/);
    await page.reload();
    await page.waitForSelector("#app:not([hidden])");
    assert.equal(await text(page, "#clock"), "Times: UTC");
    await shows(page, "#log", "(UTC)");
});

test("reduced motion is respected", async () => {
    const page = await open(scenes.three(), { reducedMotion: "reduce" });
    assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector("#banner")).transitionDuration), "0s");
});

