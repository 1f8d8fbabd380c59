// SPDX-License-Identifier: Apache-2.0
// The request of a probe as a shell command. The token is a shell variable: the page has none.

export const quoted = (text) => (/^[\w.:/=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

// "" for a kind of probe that sends nothing.
export function curlOf({ host, port, kind, token_configured, request }, ip) {
    if (!request.path) return "";
    const name = request.server_name ?? host;
    const url = `https://${name}${port === 443 ? "" : `:${port}`}${request.path}`;
    const token = kind === "tdengine" && token_configured;
    return ["curl -sS -m 10", `--resolve ${quoted(`${name}:${port}:`)}${ip.includes(":") ? `'[${ip}]'` : ip}`,
            request.ca_file && `--cacert ${quoted(request.ca_file)}`, name !== host && `-H ${quoted(`Host: ${host}`)}`,
            request.sql && `-d ${quoted(request.sql)}`,
            !token ? quoted(url) : quoted(url) === url ? `"${url}?token=$TOKEN"` : `${quoted(url)}"?token=$TOKEN"`].filter(Boolean).join(" ");
}
