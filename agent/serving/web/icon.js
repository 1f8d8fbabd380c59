// SPDX-License-Identifier: Apache-2.0
// The tab: its title and its icon have the state. pack.py fills ICONS in from icons.json.

import { byId, setAttribute } from "./dom.js";

const ICONS = {};

export function drawTab(overall, title) {
    if (document.title !== title) document.title = title;
    setAttribute(byId("icon"), "href", ICONS[overall] ?? ICONS.unknown);
}
