// SPDX-License-Identifier: Apache-2.0
// Data from the agent: the event stream while the page is visible, history by requests. Calls its listener:
// status(document)   records(list, oldest first)   state("live" | "lost" | "paused" | "polling")
// A silent stream may mean a quiet agent or a dead one: then /livez decides.

const RETRY_MS = 2000;
const POLL_MS = 5000;
const SILENCE_MS = 15000;
const PATIENCE_MS = 5000;
const PAST = 200;  // records fetched at the start and after a pause

export async function ask(path) {
    const reply = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(2 * PATIENCE_MS) });
    if (!reply.ok) throw new Error((await reply.text()).slice(0, 300).trim() || `HTTP ${reply.status}`);
    return reply.json();
}

export class Feed {
    constructor(listener) {
        this.listener = listener;
        this.source = null;
        this.timer = 0;
        this.heard_ms = 0;
        this.lastRecord = "";
    }

    start() {
        document.addEventListener("visibilitychange", () => this.turn());
        setInterval(() => this.watch(), PATIENCE_MS);
        this.turn();
    }

    turn() {
        if (document.hidden) {
            this.close();
            this.listener.state("paused");
        } else if (!this.source) {
            this.open();
        }
    }

    close() {
        clearTimeout(this.timer);
        this.source?.close();
        this.source = null;
    }

    open() {
        this.close();
        this.heard();
        const source = this.source = new EventSource("api/v1/stream");
        source.onopen = () => {
            this.heard();
            this.catchUp();
        };
        source.addEventListener("status", (event) => this.status(JSON.parse(event.data)));
        source.addEventListener("probe", (event) => this.records([JSON.parse(event.data)]));
        source.onerror = () => {
            if (source.readyState !== EventSource.CLOSED) return this.listener.state("lost");
            this.source = null;  // refused, too many clients: the browser does not retry by itself
            this.poll();
        };
    }

    heard() {
        this.heard_ms = performance.now();
    }

    status(news) {
        this.heard();
        this.listener.status(news);
        this.listener.state("live");
    }

    records(list) {
        this.heard();
        if (list.length > 0) this.lastRecord = list.at(-1).ts;
        this.listener.records(list);
    }

    async catchUp() {
        try {
            const since = this.lastRecord ? `&since=${encodeURIComponent(this.lastRecord)}` : "";
            this.records((await ask(`api/v1/probes?limit=${PAST}${since}`)).probes.reverse());
        } catch {
            return;  // the stream reports when the agent is gone
        }
    }

    async poll() {
        try {
            this.listener.status(await ask("api/v1/status"));
            this.listener.state("polling");
            this.catchUp();
            this.timer = setTimeout(() => this.open(), POLL_MS);
        } catch {
            this.listener.state("lost");
            this.timer = setTimeout(() => this.open(), RETRY_MS);
        }
    }

    async watch() {
        if (!this.source || performance.now() - this.heard_ms < SILENCE_MS) return;
        try {
            await fetch("livez", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
            if (this.source?.readyState === EventSource.OPEN) this.heard();
        } catch {
            this.listener.state("lost");
            if (!document.hidden) this.open();
        }
    }
}
