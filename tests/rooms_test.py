#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each room of agent/ has a test named for it, or its folder's README says who tests it; each test names a room.

A room is a source file. Its test is tests/unit/agent/FOLDER/ROOM_test.cpp, or tests/sim/ROOM_test.cpp; ROOM_TOPIC_test.cpp is one
of several. In a README:

    Tested with another room: `ROOM` (OTHER_test), `ROOM` (OTHER_test).
    Reached by end-to-end tests only: `ROOM`, `ROOM`.
"""
import os
import re
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WITH_ANOTHER, END_TO_END = "Tested with another room:", "Reached by end-to-end tests only:"


def names(folder, end):
    """Files of a folder by the part of their name before `end`."""
    path = os.path.join(TOP, folder)
    if not os.path.isdir(path):
        return []
    return sorted(name[:-len(end)] for name in os.listdir(path) if name.endswith(end))


def folders_of(path):
    return sorted(name for name in os.listdir(os.path.join(TOP, path)) if os.path.isdir(os.path.join(TOP, path, name)))


AGENT = {folder: names(f"agent/{folder}", ".cpp") for folder in folders_of("agent")}
SIMULATED = names("tests/sim", "_test.cpp")


def said(folder, line):
    """What the README's line names: {room: what stands in brackets behind it}; {} where there is no such line."""
    with open(os.path.join(TOP, "agent", folder, "README.md"), encoding="utf-8") as file:
        paragraphs = re.split(r"\n\s*\n", file.read())
    found = [text for text in paragraphs if text.startswith(line)]
    assert len(found) <= 1, f"agent/{folder}/README.md says \"{line}\" twice"
    return dict(re.findall(r"`(\w+)`(?: \((\w+)\))?", found[0][len(line):])) if found else {}


def room_of(test, rooms):
    """The room with the longest name that the test's begins with; "" for none."""
    return max((room for room in rooms if test == room or test.startswith(room + "_")), key=len, default="")


def everywhere():
    below = [names(folder, end) for folder in ("core", "probe", "resolver") for end in (".cpp", ".h")]
    return sum([*AGENT.values(), *below], [])


class Rooms(unittest.TestCase):
    def test_each_room_has_a_test_or_a_line_that_says_who_tests_it(self):
        simulated = {room_of(test, everywhere()) for test in SIMULATED}
        for folder, rooms in AGENT.items():
            unit = {room_of(test, rooms) for test in names(f"tests/unit/agent/{folder}", "_test.cpp")}
            elsewhere, end_to_end = said(folder, WITH_ANOTHER), said(folder, END_TO_END)
            for room in rooms:
                tested = room in unit | simulated
                with self.subTest(f"agent/{folder}/{room}.cpp"):
                    self.assertEqual([tested, room in elsewhere, room in end_to_end].count(True), 1,
                                     "a test named for it, or one line of the README that names it")

    def test_what_the_readmes_name_is_there(self):
        for folder, rooms in AGENT.items():
            for room in [*said(folder, WITH_ANOTHER), *said(folder, END_TO_END)]:
                self.assertIn(room, rooms, f"agent/{folder}/README.md names a room that is gone")
            for room, test in said(folder, WITH_ANOTHER).items():
                self.assertRegex(test, r"^\w+_test$", f"agent/{folder}/README.md: where is {room} tested?")
                tests = names(f"tests/unit/agent/{folder}", ".cpp") + [name + "_test" for name in SIMULATED]
                self.assertIn(test, tests, f"agent/{folder}/README.md: {room} is tested in a file that is gone")

    def test_each_test_is_named_for_a_room(self):
        for folder in folders_of("tests/unit/agent"):
            self.assertIn(folder, AGENT, "tests of a folder that is gone")
            for test in names(f"tests/unit/agent/{folder}", "_test.cpp"):
                rooms = AGENT[folder] + names(f"agent/{folder}", ".h")
                self.assertTrue(room_of(test, rooms), f"{folder}/{test}_test.cpp: of which room?")
        for test in SIMULATED:
            self.assertTrue(room_of(test, everywhere()), f"sim/{test}_test.cpp: of which room?")
        self.assertGreater(len(SIMULATED), 10, "the simulations were not found")


if __name__ == "__main__":
    unittest.main()
