// SPDX-License-Identifier: Apache-2.0
// A program with TDengine's REST connector for Node.js: load.mjs rest default|set. A query each half second; a line for each: when it
// began and ended (ms since 1970), then `ok` or what went wrong. The connector has no time limit of its own: `set` races it.
import { createRequire } from "node:module";
import { setTimeout as pause } from "node:timers/promises";

const { connect, options } = createRequire(process.env.LOAD_MODULES + "/")("@tdengine/rest");
const PERIOD_MS = 500;
const LIMIT_MS = process.argv[3] === "set" ? 5000 : 0;

options.url = `https://${process.env.LOAD_HOST}`;
options.query = { token: process.env.LOAD_TOKEN };
const cursor = connect(options).cursor();

async function query() {
  const work = cursor.query("select 1");
  work.catch(() => {});
  const limit = LIMIT_MS ? [pause(LIMIT_MS, null, { ref: false }).then(() => Promise.reject(new Error("over the limit")))] : [];
  const reply = await Promise.race([work, ...limit]);
  return Number(reply.getData()[0][0]) === 1 ? "ok" : "another answer";
}

for (;;) {
  const began = Date.now();
  const result = await query().catch((error) => String(error).replaceAll("\n", " "));
  const ended = Date.now();
  console.log(began, ended, result);
  await pause(Math.max(0, began + PERIOD_MS - ended));
}
