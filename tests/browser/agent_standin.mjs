// SPDX-License-Identifier: Apache-2.0
// Stands in for the agent's HTTP: the page as the build packs it, with data of the test's choosing. Says what it was asked.

import { execFileSync } from "node:child_process";
import http from "node:http";
import { fileURLToPath } from "node:url";
import { history, incidents, NOW } from "./fixtures.mjs";

const PACKER = fileURLToPath(new URL("../../agent/serving/web/pack.py", import.meta.url));

export const packed = JSON.parse(execFileSync("/usr/bin/python3", [PACKER, "json"], { encoding: "utf8" }));

const { top, style, app, tail } = packed.parts;

export class AgentStandIn {
    constructor(status, { records = [], port = 0 } = {}) {
        this.status = status;
        this.records = records;  // newest first
        this.port = port;
        this.streams = new Set();
        this.asked = [];
        this.refuseStreams = false;
        this.silent = false;  // takes connections and says nothing, as a stopped process does
        this.gone = false;  // closes every connection at once
        this.runs = 1;
        this.script = packed.script;
    }

    async start() {
        this.server = http.createServer((request, reply) => this.answer(new URL(request.url, "http://x"), request, reply));
        await new Promise((done) => this.server.listen(this.port, "127.0.0.1", done));
        this.port = this.server.address().port;
        return this;
    }

    get url() {
        return `http://127.0.0.1:${this.port}/`;
    }

    async stop() {
        this.dropStreams();
        this.server.closeAllConnections();
        await new Promise((done) => this.server.close(done));
    }

    // As a stopped process: no stream, no answer.
    silence() {
        this.gone = true;
        this.dropStreams();
    }
    speak() {
        this.gone = false;
    }

    dropStreams() {
        for (const stream of this.streams) stream.destroy();
        this.streams.clear();
    }

    answer(url, request, reply) {
        this.asked.push({ path: url.pathname + url.search, headers: request.headers });
        if (this.silent) return;
        if (this.gone) return request.socket.destroy();
        const json = (value) => reply.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" }).end(JSON.stringify(value));
        switch (url.pathname) {
            case "/":
                return reply.writeHead(200, { "content-type": "text/html; charset=utf-8", "content-security-policy": packed.policy })
                    .end(`${top}<title>○ postern</title><link rel="icon" id="icon" href="${packed.icons.unknown}">${style}${app}<p id="from-the-agent">plain</p>${tail}`);
            case `/${packed.address}`:
                return reply.writeHead(200, { "content-type": "text/javascript; charset=utf-8", "cache-control": "public, max-age=31536000, immutable" }).end(this.script);
            case "/empty":  // what a browser needs for any page, for tests/bench/page
                return reply.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end("<!doctype html><title>x</title><p>x");
            case "/livez":
                return reply.writeHead(200, { "content-type": "text/plain" }).end("ok");
            case "/api/v1/status":
                return json(this.status);
            case "/api/v1/probes": {
                const since = url.searchParams.get("since") ?? "";
                return json({ schema_version: 1, probes: this.records.filter((r) => r.ts >= since).slice(0, Number(url.searchParams.get("limit") ?? 100)) });
            }
            case "/api/v1/history":
                return json(history(url.searchParams.get("link"), url.searchParams.get("ip"), url.searchParams.get("resolution")));
            case "/api/v1/incidents":
                return json(incidents(this.status.links, url.searchParams.get("link"), url.searchParams.get("ip")));
            case "/api/v1/stream":
                return this.stream(reply);
            default:
                return reply.writeHead(404, { "content-type": "text/plain" }).end("404");
        }
    }

    stream(reply) {
        if (this.refuseStreams) return reply.writeHead(503, { "content-type": "text/plain", "retry-after": "10" }).end("503: 16 clients listen already");
        reply.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
        reply.write(`retry: 200\n\nevent: status\ndata: ${JSON.stringify(this.status)}\n\n`);
        this.streams.add(reply);
        reply.on("close", () => this.streams.delete(reply));
    }

    say(event, value) {
        for (const stream of this.streams) stream.write(`event: ${event}\ndata: ${JSON.stringify(value)}\n\n`);
    }

    setStatus(status) {
        this.status = status;
        this.say("status", status);
    }

    probe(record) {
        this.records.unshift(record);
        this.say("probe", record);
    }

    askedFor(path) {
        return this.asked.filter((request) => request.path.startsWith(path)).length;
    }
}

export { NOW };
