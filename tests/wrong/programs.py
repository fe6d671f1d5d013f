"""Programs that are wrong, one mistake each: the compiler refuses them, or they say what is wrong in one sentence that names the
pipe, the source line, the cause and the mend.

usage: programs.py [NAME...], with JETPIPE_SOURCE_DIR and JETPIPE_BUILD_DIR set, as ctest does

Every *.c and *.cc beside this file is such a program. Its first comment says what is wrong with it and what is expected:

    run: Wrong '[1, 2]'     its arguments after `run`; the default is the pipe Wrong without arguments
    aborts: TEXT            ends with 1; the last line on stderr is "NAME: Wrong was aborted: TEXT"
    refused: TEXT           ends with 2, before anything runs; "NAME: TEXT" is all it says
    not found: TEXT         likewise, with 3
    logs: TEXT              ends with 0; one line of the log has reason="TEXT"
    dies: TEXT              a test of one's own that is used wrongly: SIGABRT; "jetpipe_test: TEXT" is the last line
    gcc: TEXT               does not compile: TEXT stands in the first error (a warning counts: they are errors here)
    clang: TEXT             the same with clang; compiler: with both

A text may go on in the next lines, indented. {here} is file:line of the line that is marked with a comment "here"; compilers have
to point to that line, too, where there is one. Each program is compiled as a user would do it, as C11 or C++20, by gcc and, when it is
there, by clang, and linked with the shared library.
"""

import concurrent.futures
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

SECONDS = 60
FEWEST = 100  # so that a lost folder is no success
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror"]
LANGUAGES = {
    ".c": (["-std=c11", "-Wconversion"], {"gcc": "gcc", "clang": "clang"}),
    ".cc": (["-std=c++20", "-Wconversion"], {"gcc": "g++", "clang": "clang++"}),
}
CODES = {"aborts": 1, "refused": 2, "not found": 3, "logs": 0, "dies": -signal.SIGABRT}
KEYS = ["run", "gcc", "clang", "compiler", *CODES]


class Wrong(Exception):
    """What is not as expected, in one sentence."""


class Program:
    def __init__(self, path):
        self.path = path
        self.file = os.path.basename(path)
        self.name, self.suffix = os.path.splitext(self.file)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        marks = [number for number, line in enumerate(text.split("\n"), 1) if line.endswith("/* here */")]
        if len(marks) > 1:
            raise Wrong("%s: more than one line is marked 'here'." % self.file)
        self.line = marks[0] if marks else None
        self.says = {}
        key = None
        for line in text[: text.index("*/")].split("\n"):
            line = line.removeprefix("/*").removeprefix(" *")
            match = re.match(r" ([a-z ]+): (.*)", line)
            if match and match.group(1) in KEYS:
                key, self.says[match.group(1)] = match.group(1), match.group(2).strip()
            elif key and line.startswith("     "):
                self.says[key] += " " + line.strip()
            elif line.strip():
                key = None
        place = "%s:%d" % (self.file, self.line) if self.line else "{here}"
        self.says = {key: said.replace("{here}", place) for key, said in self.says.items()}
        if not self.says or any("{here}" in said for said in self.says.values()):
            raise Wrong("%s: its first comment expects nothing, or 'here' marks no line." % self.file)

    def check(self, compiler, folder):
        """compiler: gcc or clang."""
        flags, programs = LANGUAGES[self.suffix]
        out = os.path.join(folder, compiler, self.name)
        expected = self.says.get("compiler", self.says.get(compiler))
        done = subprocess.run(
            [programs[compiler], *flags, *WARNINGS, *BUILD, self.file, *LINK, "-o", out],
            cwd=os.path.dirname(self.path), env=dict(os.environ, LC_ALL="C"), capture_output=True, text=True)
        if expected is None and done.returncode:
            raise Wrong("does not compile:\n" + done.stderr)
        if expected is None:
            self.run(out)
        elif not done.returncode:
            raise Wrong("compiles.")
        else:
            self.compiler_said(done.stderr, expected)

    def compiler_said(self, said, expected):
        # What follows an error belongs to it: where the macro stands that it is in.
        before, mark, after = said.partition(" error: ")
        first = before.rpartition("\n")[2] + mark + after.partition(" error: ")[0]
        if expected not in first.split("\n")[0]:
            raise Wrong("the compiler says:\n%s\nnot:\n%s" % (first.split("\n")[0] or said, expected))
        if self.line and not any(line.startswith("%s:%d:" % (self.file, self.line)) for line in first.split("\n")):
            raise Wrong("the compiler does not point to line %d:\n%s" % (self.line, first))

    def run(self, program):
        (kind, text), = ((key, said) for key, said in self.says.items() if key in CODES)
        args = shlex.split(self.says.get("run", "Wrong"))
        try:
            done = subprocess.run([program, "run", *args], cwd=os.path.dirname(program), stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise Wrong("did not end within %d s." % SECONDS) from None
        said = done.stderr.rstrip("\n").split("\n")
        if kind == "aborts":
            expected, found = "%s: Wrong was aborted: %s" % (self.name, text), said[-1]
        elif kind == "dies":
            expected, found = "jetpipe_test: " + text, said[-1]
        elif kind == "logs":
            expected = 'reason="%s"' % text.replace('"', '\\"')
            lines = [line for line in said if "reason=" in line]
            found = lines[0][lines[0].index("reason="):] if len(lines) == 1 else done.stderr
        else:
            expected, found = "%s: %s" % (self.name, text), done.stderr.rstrip("\n")
        if found != expected:
            raise Wrong("says:\n%s\nnot:\n%s" % (found, expected))
        if done.returncode != CODES[kind]:
            raise Wrong("ended with %d, not %d." % (done.returncode, CODES[kind]))


HERE = os.path.join(os.environ["JETPIPE_SOURCE_DIR"], "tests/wrong")
LIBRARY = os.environ["JETPIPE_BUILD_DIR"]
BUILD = ["-I", os.path.join(os.environ["JETPIPE_SOURCE_DIR"], "runtime/include")]
LINK = ["-L", LIBRARY, "-ljetpipe", "-Wl,-rpath," + LIBRARY]


def main():
    names = sys.argv[1:]
    programs = [Program(os.path.join(HERE, file)) for file in sorted(os.listdir(HERE))
                if os.path.splitext(file)[1] in LANGUAGES and (not names or os.path.splitext(file)[0] in names)]
    if len(programs) < (len(names) or FEWEST):
        sys.exit("programs.py: %d programs in %s." % (len(programs), HERE))
    compilers = [one for one in ("gcc", "clang")
                 if all(shutil.which(programs[one]) for _, programs in LANGUAGES.values())]
    for absent in {"gcc", "clang"} - set(compilers):
        print("skip: there is no %s with C and C++; the programs were not compiled by it" % absent)
    failed = 0
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for compiler in compilers:
            os.mkdir(os.path.join(folder, compiler))
        checks = [(program, compiler, pool.submit(program.check, compiler, folder))
                  for program in programs for compiler in compilers]
        for program, compiler, check in checks:
            try:
                check.result()
            except Wrong as problem:
                failed += 1
                print("%s, %s: %s" % (program.file, compiler, problem))
    print("%d programs that are wrong, by %s: %d not as expected"
          % (len(programs), " and ".join(compilers) or "no compiler", failed))
    sys.exit(1 if failed else 0 if compilers else 77)


main()
