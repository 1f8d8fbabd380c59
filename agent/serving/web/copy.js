// SPDX-License-Identifier: Apache-2.0
// A command as a block of its own, with a button that copies it.

import { el, setText } from "./dom.js";
import { t } from "./words.js";

export function commandBlock(text) {
    const shown = el("code", {}, text);
    const button = el("button", { type: "button", class: "copy", "aria-label": t("copy_what", { what: text }), onclick: async () => {
        try {
            await navigator.clipboard.writeText(text);
            setText(button, t("copied"));
        } catch {  // not allowed, or not on this machine: select it for the user's own keys
            getSelection().selectAllChildren(shown);
        }
    } }, t("copy"));
    return el("div", { class: "command" }, el("pre", {}, shown), button);
}

const quoted = (text) => (/^[\w.:/=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
// argv as a shell takes it.
export const shellLine = (argv) => argv.map(quoted).join(" ");
