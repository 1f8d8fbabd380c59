# SPDX-License-Identifier: Apache-2.0
"""The survivors that are accepted, each with its reason: survivors.txt. An entry is the file, then the change as a diff, then why:

    FILE
     the nearest line above
    -the line
    +the mutated line
    why: one line or more
"""
import collections

# key: what a mutant is recognised by; spaces at the ends of a line don't count.
Survivor = collections.namedtuple("Survivor", "key why")


def key_of(source, mutant):
    return (source, mutant.before.strip(), mutant.line.strip(), mutant.mutated.strip())


def read(text):
    found = []
    for entry in text.split("\n\n"):
        lines = [line for line in entry.split("\n") if line.strip() and not line.startswith("#")]
        if not lines:
            continue
        marks = [line[:1] for line in lines[1:4]]
        if marks != [" ", "-", "+"] or len(lines) < 5 or not lines[4].startswith("why: "):
            raise ValueError("not FILE, ' ' line, '-' line, '+' line, 'why: ': " + lines[0])
        why = " ".join(line.strip() for line in lines[4:]).removeprefix("why: ")
        found.append(Survivor((lines[0].strip(), *(line[1:].strip() for line in lines[1:4])), why))
    return found


def entry_of(source, mutant):
    """As it is written in survivors.txt, without the reason."""
    return "\n".join([source, " " + mutant.before.strip(), "-" + mutant.line.strip(), "+" + mutant.mutated.strip()])
