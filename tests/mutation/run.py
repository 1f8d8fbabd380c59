#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Changes one line of a source at a time and reports the changes that no unit test and no simulation notices.

tests/mutation/run.py [--files GLOB...] [--limit N] [--seed S] [--list] [--mutant FILE:ID]

Ends with 1 if less than 90 % of a file's mutants are killed or accepted (survivors.txt), with 2 if the tests fail without
any mutant. README.md tells what counts."""
import argparse
import collections
import fnmatch
import os
import random
import sys
import time

import covered_by
import mutants
import survivors
from work_copy import WorkCopy

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
WANTED = 0.9
KILLED, ACCEPTED, SURVIVED, NOT_COUNTED = "killed", "accepted", "survived", "not counted"


def text_of(name):
    with open(os.path.join(TOP, name), encoding="utf-8") as file:
        return file.read()


def sources(patterns):
    found = []
    for folder, folders, names in os.walk(TOP):
        folders[:] = sorted(name for name in folders if name not in ("build", ".git", "tests") and not name.startswith("build-"))
        found += [os.path.relpath(os.path.join(folder, name), TOP) for name in sorted(names)]
    chosen = [name for name in found if covered_by.runs_of(name)]
    return [name for name in chosen if not patterns or any(fnmatch.fnmatch(name, pattern) for pattern in patterns)]


def choose(arguments):
    """(file, mutant), in the order of the sources."""
    every = [(name, mutant) for name in sources(arguments.files) for mutant in mutants.mutants_of(text_of(name))]
    if arguments.mutant:
        every = [pair for pair in every if f"{pair[0]}:{pair[1].name}" == arguments.mutant]
    if arguments.limit and arguments.limit < len(every):
        kept = set(random.Random(arguments.seed).sample(range(len(every)), arguments.limit))
        every = [pair for i, pair in enumerate(every) if i in kept]
    return every


def outdated(accepted):
    """The entries whose line was changed since."""
    made = {survivor.key[0]: set() for survivor in accepted}
    for name, keys in made.items():
        keys.update(survivors.key_of(name, mutant) for mutant in mutants.mutants_of(text_of(name)))
    return [survivor for survivor in accepted if survivor.key not in made[survivor.key[0]]]


class Judge:
    """Builds and runs. The time that a run may take follows from how long it takes without a mutant."""
    def __init__(self, copy):
        self.copy = copy
        self.seconds = {}   # Run: how long it may take
        self.digests = {}   # object: without a mutant

    def begin(self, names):
        self.copy.prepare()
        for run in dict.fromkeys(run for name in names for run in covered_by.runs_of(name)):
            print(f"{run.target} {run.wanted or 'whole'}: building", flush=True)
            self.copy.make(run.target, check=True)
            began = time.monotonic()
            if not self.copy.test(run, 1800):
                raise RuntimeError(f"{run.target} {run.wanted} fails without any mutant: {self.copy.scratch}/{run.target}")
            self.seconds[run] = 20 + 5 * (time.monotonic() - began)
        for name in names:
            self.digests[name] = self.copy.digest(self.copy.object_of(name))

    def judge(self, name, mutant):
        try:
            self.copy.write(name, mutants.apply(text_of(name), mutant).encode())
            built = self.copy.object_of(name)
            if not self.copy.make(built):
                return NOT_COUNTED, "it does not compile"
            if self.copy.digest(built) == self.digests[name]:
                return NOT_COUNTED, "the object is the same"
            for run in covered_by.runs_of(name):
                if not self.copy.make(run.target):
                    return NOT_COUNTED, "it does not link"
                if not self.copy.test(run, self.seconds[run]):
                    return KILLED, run.target
            return SURVIVED, ""
        finally:
            self.copy.write(name, self.copy.original(name))


def report(counts, left):
    width = max(map(len, counts), default=4)
    print(f"\n{'file':{width}}  mutants  killed  accepted  others")
    enough = True
    for name, count in counts.items():
        counted = count[KILLED] + count[ACCEPTED] + count[SURVIVED]
        good = counted == 0 or count[KILLED] + count[ACCEPTED] >= WANTED * counted
        enough = enough and good
        print(f"{name:{width}}  {counted:7}  {count[KILLED]:6}  {count[ACCEPTED]:8}  {count[SURVIVED]:6}{'' if good else '  too many'}")
    for name, mutant in left:
        print(f"\n# {name}:{mutant.name}\n{survivors.entry_of(name, mutant)}")
    return enough


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", nargs="+", metavar="GLOB", help="only these sources, as resolver/cache.cpp or 'resolver/*'")
    parser.add_argument("--limit", type=int, metavar="N", help="a random sample of N mutants")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--list", action="store_true", help="print the mutants and end")
    parser.add_argument("--mutant", metavar="FILE:ID", help="this one only")
    arguments = parser.parse_args()
    chosen = choose(arguments)
    if not chosen:
        parser.error("no such mutant or source")
    if arguments.list:
        for name, mutant in chosen:
            print(f"{name}:{mutant.name}\n-{mutant.line.strip()}\n+{mutant.mutated.strip()}")
        return 0
    listed = survivors.read(text_of("tests/mutation/survivors.txt"))
    for survivor in outdated(listed):
        print(f"survivors.txt: to be removed, its line was changed: {survivor.key[0]}: {survivor.key[2]}")
    accepted = {survivor.key for survivor in listed}
    judge = Judge(WorkCopy(TOP))
    try:
        judge.begin(list(dict.fromkeys(name for name, _ in chosen)))
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    counts, left = {}, []
    for i, (name, mutant) in enumerate(chosen, 1):
        fate, why = judge.judge(name, mutant)
        if fate == SURVIVED and survivors.key_of(name, mutant) in accepted:
            fate = ACCEPTED
        counts.setdefault(name, collections.Counter())[fate] += 1
        if fate == SURVIVED:
            left.append((name, mutant))
        print(f"{i}/{len(chosen)} {name}:{mutant.name} {fate}{': ' + why if why else ''}", flush=True)
    return 0 if report(counts, left) else 1


if __name__ == "__main__":
    sys.exit(main())
