// SPDX-License-Identifier: Apache-2.0
// Builds elements. Text becomes text nodes only: no string is ever parsed as markup.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

// Control and format characters, and line separators, are shown as such: foreign. The rule of core/printable.
const plain = (text) => String(text).replace(/(?![\t\n])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\ufffd");

function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes ?? {})) {
        if (value === null || value === undefined || value === false) continue;
        if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
        else node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat(9).filter((child) => child || child === 0).map((child) => (child instanceof Node ? child : plain(child))));
    return node;
}

export const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// Rebuilds `node` only if its content changed, so that focus and selections stay.
const shown = new WeakMap();
export function show(node, key, build) {
    const text = JSON.stringify(key);
    if (shown.get(node) === text) return false;
    shown.set(node, text);
    node.replaceChildren(...[build()].flat(9).filter(Boolean));
    return true;
}

export function setText(node, text) {
    const safe = plain(text);
    if (node.textContent !== safe) node.textContent = safe;
}

export function setAttribute(node, name, value) {
    if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

// What the browser stores, if allowed.
export function remember(key, value) {
    try {
        localStorage.setItem(`postern.${key}`, value);
    } catch {
        return;
    }
}
export function recall(key) {
    try {
        return localStorage.getItem(`postern.${key}`);
    } catch {
        return null;
    }
}
