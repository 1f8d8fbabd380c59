#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the reference of the configuration, in Markdown, from the table of the keys (agent/config/config_keys.cpp: the readers
with their ranges, the examples) and the defaults (agent/config/config.h).

    packaging/man/config_reference.py [zh]

tests/manuals_test.py compares both manuals with the same table, key by key.
"""

import pathlib
import re
import sys

CONFIG = pathlib.Path(__file__).resolve().parent.parent.parent / "agent/config"
SECTIONS = {"Agent": "[agent]", "Dns": "[dns]", "Http": "[http]", "Aliyun": "[aliyun]", "Fleet": "[fleet]", "Link": "[[link]]", "Probe": "[link.probe]"}
STRUCTS = {"Agent": "AgentConfig", "Dns": "DnsConfig", "Http": "HttpConfig", "Aliyun": "AliyunConfig", "Fleet": "FleetConfig", "Link": "LinkConfig", "Probe": "LinkProbeConfig"}
UNITS = (("d", "Day"), ("h", "Hour"), ("m", "Minute"), ("s", "Second"), ("ms", "Millisecond"))
MICROS = {"Day": 86400_000_000, "Hour": 3600_000_000, "Minute": 60_000_000, "Second": 1_000_000, "Millisecond": 1_000}
NUMBERS = {"kMaxSources": 64, "kMaxExpectations": 16, "kMaxListKeys": 8}
# Defaults that are not a value in config.h: (English, Chinese).
MADE = {
    ("Dns", "listen"): ('`["127.0.0.153:53"]`',) * 2,
    ("Dns", "upstreams"): ('`"auto"`: the host\'s own resolvers', '`"auto"`：主机自己的 DNS 服务器'),
    ("Dns", "allow"): ('`["127.0.0.0/8", "::1/128"]`',) * 2,
    ("Http", "listen"): ('`"127.0.0.1:9853"`',) * 2,
    ("Http", "allow"): ('`["127.0.0.0/8", "::1/128"]`',) * 2,
    ("Aliyun", "region"): ("that of the instance", "实例所在的地域"),
    ("Aliyun", "api_endpoint"): ("the region's host inside the VPC, then the public one", "先使用该地域的 VPC 内地址，再使用公网地址"),
    ("Aliyun", "ca_file"): ("the system's", "系统的根证书"),
    ("Fleet", "list_url"): ("none: the API is asked", "不使用清单，查询云 API"),
    ("Fleet", "list_keys"): ("required with `list_url`", "设置 `list_url` 时必填"),
    ("Fleet", "endpoint"): ("the server of the region; for `oss` its address inside the VPC", "由地域决定；`oss` 使用 VPC 内的地址"),
    ("Fleet", "region"): ("that of [aliyun] or the instance; for `s3` AWS_REGION or us-east-1", "与 [aliyun] 相同或实例所在的地域；`s3` 为 AWS_REGION 或 us-east-1"),
    ("Fleet", "ca_file"): ("the system's", "系统的根证书"),
    ("Fleet", "access"): ('`"signed"`',) * 2,
    ("Fleet", "report_url"): ("none; with `report` the folder `reports/` next to the list", "不提交；设置 `report` 时为清单旁边的目录"),
    ("Link", "name"): ("required", "必填"),
    ("Link", "host"): ("required", "必填"),
    ("Link", "zones"): ("all", "全部"),
    ("Link", "compare"): ("none: nothing is compared", "不对比"),
    ("Probe", "ca_file"): ("the system's", "系统的根证书"),
    ("Probe", "server_name"): ("`host`",) * 2,
    ("Probe", "path"): ('`"/rest/sql"`; with `kind = "https"` `"/"`', '`"/rest/sql"`；类型为 `https` 时为 `"/"`'),
}
SOURCES = ("endpoint", "addresses", "target", "zones_file")  # exactly one of them
ONE_SOURCE = ("none: one source of addresses is required", "无：地址来源必须且只能有一个")
NONE = ("none", "无")
TYPES = {
    "path": ("absolute path", "绝对路径"), "boolean": ("`true` or `false`", "`true` 或 `false`"), "duration": ("duration", "时长"),
    "size": ("size", "大小"), "int": ("whole number", "整数"), "share": ("number", "数值"), "string": ("text", "文本"), "host": ("host name", "域名"),
    "sockets": ("list of addresses", "地址列表"), "prefixes": ("list of prefixes", "网段列表"), "list": ("list", "列表"),
    "statuses": ("list of numbers", "数值列表"), "body_json": ("table", "表"), "http_listen": ("address with a port", "地址和端口"),
    "upstreams": ('`"auto"` or a list of addresses', '`"auto"` 或地址列表'), "endpoint": ("ID, list of IDs, or table", "ID、ID 列表或表"),
    "targets": ("host name or list", "域名或列表"), "gateway": ("host name, with a port or without", "域名，可带端口"),
}


def table_text():
    return (CONFIG / "config_keys.cpp").read_text(encoding="utf-8")


def split(text):
    """Arguments, by the commas outside of brackets and quotes."""
    out, depth, quoted, start = [], 0, False, 0
    for at, char in enumerate(text):
        if char == '"' and text[at - 1:at] != "\\":
            quoted = not quoted
        elif not quoted and char in "([{":
            depth += 1
        elif not quoted and char in ")]}":
            depth -= 1
        elif char == "," and depth == 0 and not quoted:
            out.append(text[start:at].strip())
            start = at + 1
    return out + [text[start:].strip()]


def micros(expression):
    value = 1
    for factor in expression.replace("core::", "").split("*"):
        factor = factor.strip()
        value *= MICROS[factor[1:]] if factor.startswith("k") else int(factor)
    return value


def duration(expression):
    value = micros(expression)
    if value == 0:
        return "0s"
    for unit, name in UNITS:
        if value % MICROS[name] == 0:
            return f"{value // MICROS[name]}{unit}"
    raise SystemExit(f"config_reference.py: {expression} is no duration")


def size(expression):
    number, _, shift = expression.partition("<<")
    value = int(number.strip().rstrip("ul")) << int(shift)
    return f"{value >> 20}MiB" if value % (1 << 20) == 0 else f"{value >> 10}KiB"


def raw(literal):
    """The text of a C++ literal."""
    return m[1] if (m := re.fullmatch(r'R"\((.*)\)"', literal, re.S)) else literal[1:-1].replace('\\"', '"')


def members():
    """{(section, member): initialiser} of config.h."""
    text, out = (CONFIG / "config.h").read_text(encoding="utf-8"), {}
    for section, struct in STRUCTS.items():
        body = re.search(rf"^struct {struct} {{\n(.*?)^}};", text, re.M | re.S)[1]
        for name, value in re.findall(r"^    [\w:<>, ]+? (\w+)(?: = ([^;]+)|{[^}]*})?;", body, re.M):
            out[section, name] = value
    return out


class Key:
    def __init__(self, section, name, reader, good, defaults):
        self.section, self.name, self.example = section, name, raw(good)
        call = re.match(r"read_(\w+?)(?:<[\w:]+>)?\((.*)\)$", reader, re.S)
        self.type, arguments = call[1], split(call[2])
        self.words = re.findall(r'\{"(\w+)",', reader) if self.type == "word" else []
        if self.type == "kind":
            self.words = re.findall(r'\{"(\w+)",', re.search(r"^(?:std::string|core::Message) read_kind\(.*?^}", table_text(), re.M | re.S)[0])
        self.range = None
        if self.type in ("duration", "size", "int"):
            show = {"duration": duration, "size": size, "int": str}[self.type]
            self.range = tuple(show(a) for a in arguments[1:3])
        elif self.type == "share":
            self.range = ("0", "1")
        elif self.type == "list":
            self.range = tuple(str(NUMBERS.get(a, a)) for a in arguments[2:4])
        member = re.search(r"t\.(?:config\.\w+|link->probe|link)(?:\.|->)(\w+)", reader)
        self.default = self.shown(defaults.get((section, member[1] if member else ""), ""))

    def shown(self, value):
        """Of config.h, as it would be in the file; "" if there is none."""
        if not value:
            return "[200]" if self.name == "status" else ""
        if self.words and value in ("true", "false"):
            return ""  # words for a boolean: see MADE
        if self.words:
            return f'"{next(w for w in self.words if value.lower().endswith("k" + w))}"'
        if self.type == "duration":
            return f'"{duration(value)}"'
        if self.type == "size":
            return f'"{size(value)}"'
        return value

    def texts(self, chinese):
        """(type, range, default, example) in the language."""
        at = int(chinese)
        if self.words:
            kind = ("one of", "其中之一")[at] + (" " if not chinese else "：") + (", ", "、")[at].join(f'`"{w}"`' for w in self.words)
        else:
            kind = TYPES[self.type][at]
        span = ""
        if self.range:
            span = (" to ", " 至 ")[at].join(self.range)
            if self.type == "list":
                span += (" items", " 项")[at]
        made = MADE.get((self.section, self.name)) or (ONE_SOURCE if self.name in SOURCES else None)
        default = made[at] if made else f"`{self.default}`" if self.default else NONE[at]
        return kind, span, default, f"`{self.name} = {self.example}`"


def keys():
    text = table_text()
    rows = re.search(r"^const KeyRow kKeys\[\] = \{\n(.*?)^\};", text, re.M | re.S)[1]
    defaults, out = members(), []
    for row in re.split(r"\},\n(?=    \{k|\n|$)", rows):
        if not (row := re.sub(r"\s+", " ", row.strip()).lstrip("{").strip()):
            continue
        section, name, reader, good, _ = split(row)
        out.append(Key(section[1:], name.strip('"'), re.fullmatch(r"READ\((.*)\)", reader)[1], good, defaults))
    return out


HEAD = (("# Configuration", "Every key of `/etc/postern/postern.toml`. What each of them does: postern.toml(5). Durations have a unit (us, ms, s, m, h, d), sizes B,\n"
         "KiB, MiB or GiB. This page is made by `packaging/man/config_reference.py`.", "| key | type | range | default | example |"),
        ("# 配置参考", "`/etc/postern/postern.toml` 的全部配置项。各配置项的作用见 postern.toml(5)。时长带单位（us、ms、s、m、h、d），大小的单位为 B、\nKiB、MiB、GiB。"
         "本页由 `packaging/man/config_reference.py` 生成。", "| 配置项 | 类型 | 取值范围 | 默认值 | 示例 |"))


def page(chinese):
    title, words, head = HEAD[int(chinese)]
    out = ["<!-- SPDX-License-Identifier: Apache-2.0 -->", title, "", words]
    section = ""
    for key in keys():
        if key.section != section:
            section = key.section
            out += ["", f"## {SECTIONS[section]}", "", head, "|---|---|---|---|---|"]
        kind, span, default, example = key.texts(chinese)
        out.append(f"| `{key.name}` | {kind} | {span} | {default} | {example} |")
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    print(page(sys.argv[1:] == ["zh"]), end="")
