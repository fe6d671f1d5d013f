"""cited.py -- every rule and scenario of tests/rules.txt and every trap of docs/protocol.md is named by a test, and every
number that a test names is one of them. Environment: JETPIPE_SOURCE_DIR (ctest sets it)."""

import os
import re
import sys

tests = os.path.join(os.environ.get("JETPIPE_SOURCE_DIR", "."), "tests")


def wanted():
    """number -> its words"""
    rules = {}
    with open(os.path.join(tests, "rules.txt"), encoding="utf-8") as file:
        for line in file:
            match = re.match(r"(\d+(?:\.\d+)?|S\d\d) (\S.*)", line)
            if match:
                if match[1] in rules:
                    sys.exit(f"rules.txt names {match[1]} twice")
                rules[match[1]] = match[2]
            elif line.strip() and not line.startswith("#"):
                sys.exit(f"rules.txt: what is this? {line}")
    return rules


def traps():
    """number -> the tests that docs/protocol.md names for it: rows "| 7 | ... | t07 |" of its table"""
    path = os.path.join(os.path.dirname(tests), "docs", "protocol.md")
    with open(path, encoding="utf-8") as file:
        text = file.read().split("## Traps")[1].split("\n## ")[0]
    return {int(number): test for number, test in re.findall(r"^\| (\d+) \|.*\| (t\d\d) \|$", text, re.M)}


def trap_tests():
    """the tests t01_... of the simulation"""
    found = set()
    for name in os.listdir(os.path.join(tests, "sim")):
        if name.startswith("traps_"):
            with open(os.path.join(tests, "sim", name), encoding="utf-8") as file:
                found.update(re.findall(r"START_TEST\((t\d\d)_", file.read()))
    return found


def cited():
    """number -> a file that names it"""
    found = {}
    for folder, folders, names in os.walk(tests):
        folders[:] = [name for name in folders if name not in ("bench", "lib", "corpus")]
        for name in names:
            if not re.search(r"\.(c|h|cc|py|sh)$", name) or name == os.path.basename(__file__):
                continue
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                text = file.read()
            # A comment may go on in the next line: "SEMANTICS 2.3,\n * 2.4".
            for numbers in re.findall(r"SEMANTICS (\d+(?:\.\d+)?(?:,(?:\s|\*|#)*\d+\.\d+|,? and \d+\.\d+)*)", text):
                for number in re.findall(r"\d+(?:\.\d+)?", numbers):
                    found.setdefault(number, name)
            for names_ in re.findall(r"(?:START_SCENARIO|START_TEST)\(((?:s\d\d_)+)|\bdef (?:test_)?((?:s\d\d_)+)", text):
                for number in re.findall(r"\d\d", "".join(names_)):
                    found.setdefault("S" + number, name)
            for numbers in re.findall(r"SCENARIO (S\d\d(?:, S\d\d)*)", text):
                for number in re.findall(r"S\d\d", numbers):
                    found.setdefault(number, name)
    return found


def main():
    rules, found = wanted(), cited()
    wrong = [f"{n} ({words}) is named by no test" for n, words in rules.items() if n not in found]
    wrong += [f"{name} names {n}, which is not in rules.txt" for n, name in found.items() if n not in rules]
    tested = trap_tests()
    told = traps()
    wrong += [f"trap {n} of docs/protocol.md names {t}, which is no test of tests/sim" for n, t in told.items() if t not in tested]
    wrong += [f"{t} of tests/sim is no trap of docs/protocol.md" for t in tested if int(t[1:]) not in told]
    if len(told) < 14:
        wrong.append(f"docs/protocol.md has only {len(told)} traps that can be read")
    if len(rules) < 90:
        wrong.append(f"rules.txt holds only {len(rules)} numbers")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


sys.exit(main())
