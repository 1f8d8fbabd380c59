#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The mutants that the runner makes of a line, and what it leaves alone; the list of accepted survivors. Builds nothing."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import covered_by  # noqa: E402
import mutants  # noqa: E402
import run  # noqa: E402
import survivors  # noqa: E402


def mutated(text, mutation=None):
    return [m.mutated.strip() for m in mutants.mutants_of(text) if mutation is None or m.name.endswith(":" + mutation)]


class Lines(unittest.TestCase):
    def test_each_mutation(self):
        for line, mutation, expected in [
            ("    if (a < b) f();", "lt", "if (a <= b) f();"),
            ("    if (a >= b) f();", "ge", "if (a > b) f();"),
            ("    if (a != b) f();", "ne", "if (a == b) f();"),
            ("    ok = a &&", "and", "ok = a ||"),
            ("    x = a - b;", "minus", "x = a + b;"),
            ("    n += size;", "add", "n -= size;"),
            ("    f(7);", "constant", "f(8);"),
            ("    f(0640);", "constant", "f(417);"),
            ("    f(0x1f);", "constant", "f(32);"),
            ("    f(1'000);", "constant", "f(1001);"),
            ("    f(2 * x);", "double", "f(1 * x);"),
            ("    if (a && b) f();", "negate", "if (!(a && b)) f();"),
            ("    if (const int n = f(); n < g(n)) h();", "negate", "if (const int n = f(); !(n < g(n))) h();"),
            ("    done = true;", "true", "done = false;"),
            ("    x = std::min(a, b);", "min", "x = std::max(a, b);"),
            ("    return a.size();", "return", "return {};"),
            ("    a[i + 1].f(g(), 2);", "delete", ";"),
            ("    if (f(x)) y->z = 3;", "delete", "if (f(x)) {}"),
            ("    else f();", "delete", "else {}"),
            ("    ++counts[x];", "delete", ";"),
        ]:
            with self.subTest(line):
                self.assertEqual(mutated(line, mutation), [expected])

    def test_what_is_no_code_is_left_alone(self):
        for line in ["// a < b", "/* f(1); */", "#include <a/b2.h>", 'const char* kText = "a < b && 1";', "const char c = '1';",
                     'auto t = R"(x == 1)";', "    static_assert(sizeof(a) == 1);", '    core::log_warning("x", a < b, true);',
                     "    std::vector<std::pair<int, int>> v;", "    f(std::string&& s)", "    int x2;", "    using a::b;"]:
            with self.subTest(line):
                self.assertEqual(mutated(line), [])

    def test_a_call_that_logs_is_left_alone_over_its_lines(self):
        self.assertEqual(mutated("    core::log_info(\n        a < b,\n        1);\n    f(1);", "constant"), ["f(2);"])

    def test_a_comment_behind_code_stays(self):
        self.assertEqual(mutated("    if (a < b) f();  // 1 < 2", "lt"), ["if (a <= b) f();  // 1 < 2"])

    def test_a_declaration_and_the_rest_of_a_statement_are_not_deleted(self):
        for text in ["    int x = f();", "    Foo foo(bar);", "    auto x =\n        f();", "    f(a,\n      g());", "    return f();"]:
            with self.subTest(text):
                self.assertEqual(mutated(text, "delete"), [])

    def test_a_function_without_a_value_returns_without_the_call(self):
        self.assertEqual(mutated("void f() {\n    return g(a);\n}", "return"), ["return;"])

    def test_strings_are_not_subtracted(self):
        self.assertEqual(mutated('    s += "x";'), [";"])
        self.assertEqual(mutated('    s = a + "x" + b;', "plus"), [])

    def test_a_mutant_changes_its_line_only_and_has_an_id_of_its_own(self):
        text = "void f() {\n    if (a < b && c < d) g(1, 1);\n}\n"
        made = mutants.mutants_of(text)
        self.assertEqual(len({m.name for m in made}), len(made))
        for mutant in made:
            changed = mutants.apply(text, mutant).split("\n")
            self.assertEqual(changed[:1] + changed[2:], text.split("\n")[:1] + text.split("\n")[2:])
            self.assertNotEqual(changed[1], text.split("\n")[1])


class Survivors(unittest.TestCase):
    def test_an_entry_is_recognised_by_its_lines(self):
        mutant = mutants.mutants_of("f();\n\n    x = 1;\n")[-1]
        entry = "# a comment\n" + survivors.entry_of("a/b.cpp", mutant) + "\nwhy: nobody\n  sees it\n"
        self.assertEqual(survivors.read(entry), [survivors.Survivor(survivors.key_of("a/b.cpp", mutant), "nobody sees it")])

    def test_an_entry_without_a_reason_is_refused(self):
        with self.assertRaises(ValueError):
            survivors.read("a/b.cpp\n a\n-b\n+c\n")

    def test_the_list_can_be_read_and_is_of_sources_that_are_changed(self):
        for survivor in survivors.read(run.text_of("tests/mutation/survivors.txt")):
            self.assertTrue(covered_by.runs_of(survivor.key[0]), f"{survivor.key[0]} is not changed")

    def test_an_entry_whose_line_is_gone_is_outdated(self):
        name, mutant = "core/plan.cpp", mutants.mutants_of(run.text_of("core/plan.cpp"))[0]
        kept = survivors.Survivor(survivors.key_of(name, mutant), "kept")
        gone = survivors.Survivor((name, "", "int gone = 1;", "int gone = 2;"), "gone")
        self.assertEqual(run.outdated([kept, gone]), [gone])


class Sources(unittest.TestCase):
    def test_each_row_of_the_table_has_a_source(self):
        for pattern, _ in covered_by.ROWS:
            self.assertTrue(run.sources([pattern]) or pattern == "resolver/main.cpp", pattern)


if __name__ == "__main__":
    unittest.main()
