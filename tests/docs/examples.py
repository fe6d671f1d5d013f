"""examples.py -- compiles every C and C++ block of README.md and docs/*.md, and runs those that are marked.

usage: examples.py, with JETPIPE_SOURCE_DIR and JETPIPE_BUILD_DIR set, as ctest does. It checks itself first, on small documents.

A comment on the line before a block (an empty line may be between) decides what happens to it:

    <!-- test: compile -->             C or C++ is compiled, warnings are errors; the default for ```c and ```cpp
    <!-- test: body -->                ... as the inside of a pipe's body, where `p` is the context
    <!-- test: build -->               a whole program: compiled, linked, for a later block to run
    <!-- test: run [ARGUMENTS] -->     ... and run; or a ```sh block: run by sh -eu
    <!-- test: none because REASON --> skipped, and why
    <!-- test: output -->              a block of any kind: exactly the stdout of the block that was run before it;
                                       a line of three dots matches any lines

`with previous` after compile or run (`<!-- test: run with previous -->`) puts the preceding C block of the file in front of it.
A C block that includes nothing gets `#include <jetpipe.h>`. A sh block must have a comment. Shell blocks run in an empty folder
with a nats-server (JETPIPE_NATS, and NATS_URL for the program `nats`). On their PATH and in the folder are `jetpipe` and the C
blocks that were built so far, named by their first comment, as /* addtwo.c ... */. Processes in the background are ended.
"""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile

SECONDS = 60
COMMENT = re.compile(r"^<!--\s*test:\s*(.*?)\s*-->\s*$")
FENCE = re.compile(r"^(\s*)(`{3,}|~{3,})\s*([A-Za-z+]*)")
COMPILED = {"c": ["-x", "c", "-std=c11"], "cpp": ["-x", "c++", "-std=c++20"]}


class Wrong(Exception):
    """What is wrong with a block, in one sentence or the words of a compiler."""


class Block:
    def __init__(self, path, line, language, order, text):
        self.path, self.line, self.language, self.order, self.text = path, line, language, order, text

    def __str__(self):
        return "%s:%d" % (self.path, self.line)


def blocks(path, text):
    """The fenced blocks of a document; `line` is the line number of the first line inside the fence."""
    order, fence, found = None, None, []
    for number, line in enumerate(text.split("\n"), 1):
        if fence:
            if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                found.append(Block(path, first, language, order, "\n".join(inside) + "\n"))
                order, fence = None, None
            else:
                inside.append(line)
            continue
        match = FENCE.match(line)
        if match:
            fence, language, first, inside = match.group(2), match.group(3).lower(), number + 1, []
            language = "cpp" if language in ("c++", "cxx") else language
            continue
        match = COMMENT.match(line.strip())
        if match:
            if order is not None:
                raise Wrong("%s:%d: a test comment with no block before this one." % (path, number))
            order = match.group(1)
        elif line.strip() and order is not None:
            raise Wrong("%s:%d: a test comment must be right before its block." % (path, number))
    if fence:
        raise Wrong("%s:%d: the block that begins here is never closed." % (path, first))
    return found


class Checker:
    def __init__(self, compiler, flags, link, path, folder):
        self.compiler, self.flags, self.link, self.folder = compiler, flags, link, folder
        self.environment = dict(os.environ, PATH=os.pathsep.join([folder] + path + [os.environ["PATH"]]))
        self.count = {"compiled": 0, "run": 0, "skipped": 0}
        self.previous = self.printed = None

    def document(self, path, text):
        """Returns a list of what is wrong with it."""
        wrong = []
        self.previous = self.printed = None
        try:
            for block in blocks(path, text):
                try:
                    self.block(block)
                except Wrong as problem:
                    wrong.append("%s: %s" % (block, problem))
        except Wrong as problem:
            wrong.append(str(problem))
        return wrong

    def block(self, block):
        order = block.order
        if order is None:
            if block.language == "sh":
                raise Wrong("it needs a test comment, which no line before it has.")
            if block.language not in COMPILED:
                return
            order = "compile"
        verb, _, rest = order.partition(" ")
        with_previous = rest.startswith("with previous")
        rest = rest[len("with previous"):].strip() if with_previous else rest
        if verb == "none" and rest.startswith("because "):
            self.count["skipped"] += 1
            print("skipped: %s, %s" % (block, order[len("none "):]))
        elif verb == "output" and not rest:
            self.output(block)
        elif verb in ("compile", "body") and not rest and block.language in COMPILED:
            self.compile(block, self.source(block, verb == "body", with_previous), ["-c", "-o", os.devnull])
            self.count["compiled"] += 1
        elif block.language in COMPILED and (verb == "run" or verb == "build" and not rest):
            name = re.match(r"\s*/[/*]\s*([\w-]+)\.c(pp|c)?\b", block.text)
            program = os.path.join(self.folder, name.group(1) if name else "example")
            self.compile(block, self.source(block, False, with_previous), ["-o", program])
            if verb == "run":
                self.run([program] + shlex.split(rest))
        elif verb == "run" and block.language == "sh" and not rest:
            self.run(["sh", "-eu", "-c", block.text])
        else:
            raise Wrong("'test: %s' cannot be done to a block of '%s'; tests/docs/examples.py lists what can."
                        % (order, block.language))
        if block.language in COMPILED:
            self.previous = block

    def source(self, block, as_body, with_previous):
        text = '#line %d "%s"\n%s' % (block.line, block.path, block.text)
        if as_body:
            text = 'JP_PIPE(Example, p)\n{\n%s\n    return jp_done(p);\n}\n' % text
        if with_previous:
            if not self.previous:
                raise Wrong("there is no C block before it.")
            text = '#line %d "%s"\n%s%s' % (self.previous.line, block.path, self.previous.text, text)
        return text if "#include" in text else "#include <jetpipe.h>\n" + text

    def compile(self, block, source, target):
        libraries = [] if "-c" in target else ["-x", "none"] + self.link
        done = subprocess.run([self.compiler, *COMPILED[block.language], "-Wall", "-Werror", *self.flags, "-",
                               *libraries, *target], input=source, capture_output=True, text=True)
        if done.returncode:
            raise Wrong("does not compile:\n" + done.stderr)

    def run(self, command):
        with tempfile.TemporaryDirectory() as folder:
            for name in os.listdir(self.folder):
                os.symlink(os.path.join(self.folder, name), os.path.join(folder, name))
            process = subprocess.Popen(command, cwd=folder, env=self.environment, stdin=subprocess.DEVNULL, text=True,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
            try:
                code = process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                code = None
            # Background processes hold the other ends of these pipes, which close when they have ended.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            out, err = process.communicate()
        if code is None:
            raise Wrong("did not end within %d s:\n%s%s" % (SECONDS, out, err))
        if code:
            raise Wrong("ended with %d:\n%s%s" % (code, out, err))
        self.printed = out
        self.count["run"] += 1

    def output(self, block):
        if self.printed is None:
            raise Wrong("no block was run before this output.")
        pattern = "".join(r"(?:.*\n)*" if line.strip() == "..." else re.escape(line + "\n")
                          for line in block.text.rstrip("\n").split("\n"))
        if not re.fullmatch(pattern, self.printed.rstrip("\n") + "\n"):
            raise Wrong("what was printed is:\n" + self.printed)


# ---- this program on small documents: each must pass, or fail with this text ----

SELF = [
    ("passes", "```c\nint f(void) { return 1; }\n```\n"),
    ("does not compile", "```c\nint f(void) { return nothing; }\n```\n"),
    ("passes", "<!-- test: none because it shows a mistake -->\n```c\nint f(void) { return nothing; }\n```\n"),
    ("cannot be done", "<!-- test: none -->\n```c\nint f;\n```\n"),
    ("cannot be done", "<!-- test: compile -->\n```sh\ntrue\n```\n"),
    ("passes", "```\nfalse\n```\n"),
    ("needs a test comment", "```sh\ntrue\n```\n"),
    ("passes", "<!-- test: run -->\n```sh\n(trap 'echo ended; exit' TERM; while :; do sleep 0.1; done) &\nsleep 0.3\n```\n"
               "<!-- test: output -->\n```\nended\n```\n"),
    ("passes", "<!-- test: build -->\n```c\n/* seven.c */\nint main(void) { return 7; }\n```\n"
               "<!-- test: run -->\n```sh\n! ./seven && ! seven\n```\n"),
    ("ended with 1", "<!-- test: run -->\n\n```sh\nfalse\n```\n"),
    ("passes", "<!-- test: run -->\n```sh\nseq 5\n```\n<!-- test: output -->\n```\n1\n...\n5\n```\n"),
    ("what was printed", "<!-- test: run -->\n```sh\nseq 5\n```\n<!-- test: output -->\n```\n1\n...\n6\n```\n"),
    ("no block was run", "<!-- test: output -->\n```\n1\n```\n"),
    ("passes", "```c\nint f(void);\n```\n<!-- test: compile with previous -->\n```c\nint g(void) { return f(); }\n```\n"),
    ("does not compile", "```c\nint f(void);\n```\n```c\nint g(void) { return f(); }\n```\n"),
    ("ended with 3", "<!-- test: run 3 -->\n```c\n#include <stdlib.h>\n"
                     "int main(int c, char **v) { return c == 2 ? atoi(v[1]) : 0; }\n```\n"),
    ("never closed", "```c\nint f;\n"),
    ("right before", "<!-- test: run -->\ntext\n```sh\ntrue\n```\n"),
]


def check_self(checker):
    # These blocks have no pipes, so they need no jetpipe.h.
    for expected, text in SELF:
        text = text.replace("```c\n", "```c\n#include <stddef.h>\n")
        found = checker.document("self.md", text)
        if (expected == "passes") != (not found) or (found and expected not in found[0]):
            sys.exit("examples.py: this document should give '%s':\n%s\nbut gave: %s" % (expected, text, found))


@contextlib.contextmanager
def own_nats():
    """Starts a nats-server for the documents; yields its URL."""
    servers = '. "$JETPIPE_SOURCE_DIR/tests/servers.sh"; '
    with tempfile.TemporaryDirectory() as place:
        done = subprocess.run(["sh", "-c", servers + 'nats_start old "$0" URL && echo "$URL"', place],
                              stdout=subprocess.PIPE, text=True, check=True)
        try:
            yield done.stdout.strip()
        finally:
            subprocess.run(["sh", "-c", servers + 'server_stop "$0"', place], check=True)


def main():
    source, build = os.environ["JETPIPE_SOURCE_DIR"], os.environ["JETPIPE_BUILD_DIR"]
    cli = os.environ.get("JETPIPE_TEST_NATS_CLI")
    if not cli:
        print("skip: JETPIPE_TEST_NATS_CLI names nothing; sh tests/run.sh sets it")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder, own_nats() as url:
        os.environ.update(JETPIPE_NATS=url, NATS_URL=url)
        checker = Checker(
            compiler=os.environ.get("CC", "cc"),
            flags=["-I", os.path.join(source, "runtime/include")],
            link=["-L", build, "-ljetpipe", "-Wl,-rpath," + build],
            path=[build], folder=folder)
        os.symlink(cli, os.path.join(folder, "nats"))
        check_self(checker)
        checker.count = dict.fromkeys(checker.count, 0)
        paths = ["README.md"] + sorted(
            os.path.relpath(os.path.join(root, name), source)
            for root, _, names in os.walk(os.path.join(source, "docs")) for name in names if name.endswith(".md"))
        wrong = []
        for path in paths:
            with open(os.path.join(source, path), encoding="utf-8") as file:
                wrong += checker.document(path, file.read())
    print("%d documents: %s" % (len(paths), ", ".join("%d %s" % (n, what) for what, n in checker.count.items())))
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


main()
