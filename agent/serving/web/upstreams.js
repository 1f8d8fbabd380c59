// SPDX-License-Identifier: Apache-2.0
// How the upstreams do now: what their counters gained over the last five minutes that this page has seen. The agent's
// counters are since its start, and an error of last week is no trouble.

const WINDOW_MS = 300000;
const samples = [];  // {at, started, counts: address → {sent, answered, bad}}

const badOf = (u) => u.timeouts + u.servfail + u.refused + u.network_errors;

export function noteUpstreams(status) {
    const at = Date.parse(status.ts), { started, upstreams } = status.resolver;
    if (samples.length > 0 && (samples.at(-1).started !== started || at < samples.at(-1).at)) samples.length = 0;
    if (at === samples.at(-1)?.at) return;
    samples.push({ at, started, counts: new Map(upstreams.map((u) => [u.address, { sent: u.sent, answered: u.answered, bad: badOf(u) }])) });
    while (samples.length > 2 && samples[1].at <= at - WINDOW_MS) samples.shift();
}

// {state: "up" | "degraded" | "down" | "unknown", sent, answered, bad, recent}: `recent` is false while only the counters since
// the start are known, which tell a dead one only if it never answered.
export function upstreamNow(u) {
    const before = samples.length > 1 && samples[0].counts.get(u.address);
    const recent = Boolean(before) && u.sent > before.sent;
    const of = recent ? { sent: u.sent - before.sent, answered: u.answered - before.answered, bad: badOf(u) - before.bad }
        : { sent: u.sent, answered: u.answered, bad: badOf(u) };
    const state = of.sent === 0 ? "unknown" : of.answered === 0 ? "down" : recent && of.bad * 20 > of.sent ? "degraded" : "up";
    return { ...of, state, recent };
}
