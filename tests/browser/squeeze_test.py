#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What pack.py makes smaller does the same: each case is run by node as it is written and as it is packed."""

import pathlib
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "agent" / "serving" / "web"))

from squeeze import squeezed_script, squeezed_style, with_short_names  # noqa: E402

SAME = r"""
// a comment with "quotes" and `a template`
const longName = (value) => value + 1;  /* and a block
   over lines */
const text = "// no comment  , two  blanks"; const other = 'it\'s { a } "brace"';
const pattern = /[/"'`]\/  x/g, quotient = 8 / 2 / 2;
const nested = (list) => `a  ${list.map((x) => `<${longName(x)}  ${`${x}`}>`).join(" , ")}  b`;
class Thing {
    constructor() {
        this.longName = 3;
    }
    get size() { return this.longName }
    *walk() { for (const x of [1, 2]) yield x }
    get(other) { return other + this.size }
}
function sum(a, b = longName(1)) {
    let i = a
    i++
    ++i
    return a + +b - -i
}
const shorthand = { text, longName: 5, size: 1 };
const { size: renamed } = shorthand;
const pick = (wide) => (wide ? longName : sum);
let label = "x"
;[1].forEach((n) => { label += n })
if (label) console.log(label); else console.log("none");
console.log(longName(1), text, other, "a/b  c/  x".replace(pattern, "-"), quotient, nested([1, 2]), new Thing().get(4), [...new Thing().walk()],
            sum(1), shorthand, renamed, pick(true)(1), pick(false)(1, 2), typeof longName, `\${no} \` ${"}"}`);
"""


def output_of(script):
    return subprocess.run(["node", "--input-type=module", "-"], input=script, text=True, capture_output=True, timeout=60, check=True).stdout


class Squeeze(unittest.TestCase):
    def test_a_script_does_the_same(self):
        names = ["longName", "text", "other", "pattern", "quotient", "nested", "Thing", "sum", "shorthand", "pick", "label"]
        want = output_of(SAME)
        self.assertIn("function", want)
        packed = squeezed_script(SAME)
        self.assertEqual(output_of(packed), want)
        self.assertLess(len(packed), .85 * len(SAME))
        short = squeezed_script(with_short_names(SAME, names))
        self.assertEqual(output_of(short), want)
        self.assertLess(len(short), len(packed))
        self.assertNotIn("nested", short)
        self.assertIn("longName", short, "a property has the name, too: it stays")

    def test_nothing_is_left_of_comments_and_indentation(self):
        self.assertEqual(squeezed_script("// one\nconst a = 1;\n    /* two */ const b = a ? 2 : 3;\n"), "const a=1;const b=a?2:3;")

    def test_a_template_without_an_end_is_refused(self):
        with self.assertRaisesRegex(ValueError, "without an end"):
            squeezed_script("const a = `x${1}")

    def test_a_style_keeps_what_blanks_mean(self):
        self.assertEqual(squeezed_style("/* c */\n.a .b > i {\n    color: red;\n    margin: 0 auto;\n}\n@media (width > 3px) { b { top: 0; } }\n"),
                         ".a .b > i{color:red;margin:0 auto}@media (width > 3px){b{top:0}}")


if __name__ == "__main__":
    unittest.main()
