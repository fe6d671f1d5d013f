"""house.py -- the order of the house: what a reader of any file may rely on. It reads the sources and runs nothing.

names      no two headers of runtime/, store/ and tasks/ declare one name, so that any two can be included together
arrows     a folder includes only the folders that ARROWS allows it
citations  a file cites only what is in the repository: documents, files, traps and sections of docs/protocol.md
hosts      no file names the host of a package registry
openings   a .c, .h, .cc or .sh file begins with its own name: "name.c -- what it owns"
maps       each folder of sources has a README that names every .c file in it

PENDING holds the folders that are not in order yet.
Environment: JETPIPE_SOURCE_DIR (ctest sets it)."""

import collections
import os
import re
import sys

ROOT = os.environ.get("JETPIPE_SOURCE_DIR", ".")

# folder: the folders it may include, beside itself and what those may include
ARROWS = {
    "include": [],
    "base": ["include"],
    "core": ["base"],
    "body": ["core"],
    "bus": ["base"],
    "store": ["core"],
    "exec": ["body"],
    "engine": ["bus", "store", "exec"],
    "api": ["engine"],
    "barrier": ["engine"],
    "worker": ["engine"],
    "role": ["api", "barrier", "worker"],
    "client": ["bus"],
    "cli": ["client", "role"],
    "tasks": ["include"],
}

# check: the folders that are not in order yet, and may fail it
PENDING = {
    "citations": ["docs/decisions", "runtime/api", "runtime/barrier", "runtime/bus", "runtime/engine",
                  "runtime/exec", "runtime/role", "store", "tests/contract", "tests/scenario",
                  "tests/sim"],
    "hosts": ["tests/lib"],
    "openings": ["runtime/engine", "runtime/role", "tests/scenario", "tests/sim", "tests/unit"],
    "maps": ["runtime/api", "runtime/barrier", "runtime/engine", "runtime/exec",
             "runtime/role", "store"],
}
# Documents that are being written and may be cited already.
COMING = ("docs/",)

TEXT = re.compile(r"\.(c|h|cc|sh|py|md|cmake|txt|in|awk|supp|json|yaml|yml|tpl)$|/run$|Dockerfile")
FENCE = re.compile(r"^```.*?^```", re.M | re.S)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
OUTSIDE = re.compile("|".join([
    r"\b(?:PROTOCOL|DESIGN) \d+", r"\bSUBSTRATE\b", r"\bHOUSE\b", r"\b(?:SCENARIOS|STYLE|KUBERNETES|API|PROTOCOL|DESIGN|HOUSE)\.md",
    r"(?<![\w/.-])shared/\w"]))
# Parts, so that this file does not name them itself.
HOSTS = [".".join(parts) for parts in (
    ("pypi", "org"), ("pythonhosted", "org"), ("proxy", "golang", "org"), ("sum", "golang", "org"), ("npmjs", "org"),
    ("npmjs", "com"), ("crates", "io"), ("rubygems", "org"), ("deb", "debian", "org"), ("archive", "ubuntu", "com"),
    ("docker", "io"), ("ghcr", "io"), ("quay", "io"), ("gcr", "io"), ("registry", "k8s", "io"), ("mcr", "microsoft", "com"))]


def files():
    """path -> text of every text file of the tree; builds and data are left out"""
    found = {}
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in ("corpus", "golden", ".git", "__pycache__")
                      and not name.startswith("build")]
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), ROOT)
            if TEXT.search(path):
                with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                    found[path] = file.read()
    return found


def room(path):
    """the folder that ARROWS names: runtime/core/key.h -> core, store/store.h -> store"""
    parts = path.split("/")
    return parts[1] if parts[0] == "runtime" else parts[0]


def line_of(text, at):
    return text.count("\n", 0, at) + 1


# ---- names ----

def declared(text):
    """Yields (name, opaque) for each name that a header declares; opaque: a typedef of a struct that has no body here,
    which may stand in several headers and beside the body."""
    text = COMMENT.sub(" ", text)
    text = re.sub(r"^#ifdef __cplusplus\n.*?^#(?:else|endif).*?$", "", text, flags=re.M | re.S)
    text = text.replace("\\\n", " ")
    for line in re.findall(r"^#\s*define\s+(\w+)", text, re.M):
        yield line, False
    text = re.sub(r"^#.*$", "", text, flags=re.M)
    while re.search(r"\([^()]*\)", text):  # parameters and attributes say nothing
        text = re.sub(r"(\w*)\(\s*\*\s*(\w+)\s*\)", r"\2", text)
        text = re.sub(r"\(([^()]*)\)", "\x00", text)
    for _, body in re.findall(r"\benum\b\s*(\w*)\s*\{([^{}]*)\}", text):
        for constant in body.split(","):
            if re.match(r"\s*\w+", constant):
                yield constant.split("=")[0].split()[0], False
    bodies = set(re.findall(r"\b(?:struct|union|enum)\s+(\w+)\s*\{", text))
    yield from ((name, False) for name in bodies)
    while re.search(r"\{[^{}]*\}", text):
        text = re.sub(r"\{[^{}]*\}", "\x01", text)
    for statement in re.split(r";|\x01(?=\s*(?:\n|$))", text):
        words = re.findall(r"\w+", re.sub(r"__attribute__\s*\x00|\[[^\]]*\]", " ", statement).split("\x00")[0])
        if len(words) < 2 or words[0] in ("struct", "union", "enum") and len(words) == 2:
            continue  # a macro that is used, a forward declaration, an enum without a name
        if words[-1] not in bodies:
            yield words[-1], words[:2] in (["typedef", "struct"], ["typedef", "union"]) and words[-1] == words[-2]


def names(tree):
    seen = collections.defaultdict(set)
    for path, text in tree.items():
        if path.startswith(("runtime/", "store/", "tasks/")) and path.endswith(".h"):
            for name, opaque in declared(text):
                if not opaque:
                    seen[name].add(path)
    for name, paths in seen.items():
        if len(paths) > 1:
            yield sorted(paths)[0], "%s is declared in %s" % (name, " and ".join(sorted(paths)))


# ---- arrows ----

def allowed(folder):
    found, left = {folder}, [folder]
    while left:
        for other in ARROWS[left.pop()]:
            if other not in found:
                found.add(other)
                left.append(other)
    return found


def arrows(tree):
    for path, text in tree.items():
        if not path.startswith(("runtime/", "store/", "tasks/")) or not path.endswith((".c", ".h")):
            continue
        if room(path) not in ARROWS:
            yield path, "the folder %s is new: give it a line in ARROWS of tests/unit/house.py" % room(path)
            continue
        for name in re.findall(r'^#include [<"]([^>"]+)', text, re.M):
            to = "include" if name.startswith("jetpipe") else name.split("/")[0] if "/" in name else room(path)
            if to in ARROWS and to not in allowed(room(path)):
                yield path, "%s may not include %s" % (room(path), name)


# ---- citations ----

def prose(path, text):
    """What of a file is read by people only: comments of C, Markdown without its code; spaces stand for the rest."""
    blank = lambda match: re.sub(r"[^\n]", " ", match[0])
    if path.endswith(".md"):
        return FENCE.sub(blank, text)
    if path.endswith((".c", ".h", ".cc")):
        out, last = [], 0
        for match in COMMENT.finditer(text):
            out += [re.sub(r"[^\n]", " ", text[last:match.start()]), match[0]]
            last = match.end()
        return "".join(out)
    return text


def exists(tree, name, path):
    here = os.path.dirname(path)
    places = [name, os.path.join("runtime", name), os.path.join("tests", name), os.path.join(here, name)]
    if "/" in name:
        return any(os.path.exists(os.path.join(ROOT, place)) for place in places)
    return any(other.endswith("/" + name) or other == name for other in tree)


def citations(tree):
    protocol = tree.get("docs/protocol.md", "")
    traps = set(re.findall(r"^\W*(\d+)\b", protocol.partition("\n## Traps")[2].partition("\n## ")[0], re.M))
    sections = {title.strip() for title in re.findall(r"^#+ (.*)", protocol, re.M)}
    for path, text in tree.items():
        if path == os.path.join("tests", "unit", os.path.basename(__file__)):
            continue
        for match in OUTSIDE.finditer(text):
            yield path, "line %d cites %s, which is not in the repository" % (line_of(text, match.start()), match[0])
        said = prose(path, text)
        flat = re.sub(r"\n\s*(?:\*|#|//)?\s*", " ", said)
        for numbers in re.findall(r"docs/protocol\.md, traps? (\d+(?:(?:, | and )\d+)*)", flat):
            for number in re.findall(r"\d+", numbers):
                if traps and number not in traps:
                    yield path, "docs/protocol.md has no trap %s" % number
        for title in re.findall(r'docs/protocol\.md, "([^"]+)"', flat):
            if sections and title not in sections:
                yield path, "docs/protocol.md has no section %s" % title
        # A file in a folder of ours, anywhere; any other name in a comment of C or in backticks; "x.c:12" is a message.
        named = r"(?<![\w/.$}-])((?:docs|runtime|store|tasks|tests|helm)/[\w./-]*\w\.(?:md|c|h|cc|py|sh|txt))\b"
        if path.endswith((".c", ".h", ".cc")):
            named += r"|(?<![\w/.<\"-])((?:\w+/)*[a-z]\w*\.[ch])\b(?!:|\()"
        if path.endswith(".md"):
            named += r"|`((?:[\w.]+/)*[a-z]\w*\.(?:c|h|py|sh|md))`"
        for match in re.finditer(named, said):
            name = next(group for group in match.groups() if group)
            made_up = re.search(r"(line \d+ of|\bcc) $", said[:match.start()])
            if made_up or "NAME" in name or name.startswith(COMING):
                continue
            if not exists(tree, name, path):
                yield path, "line %d names %s, which does not exist" % (line_of(said, match.start()), name)
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[\w-]*)?\)", said if path.endswith(".md") else ""):
            if not os.path.exists(os.path.join(ROOT, os.path.dirname(path), link)):
                yield path, "links to %s, which does not exist" % link


# ---- hosts, openings, maps ----

def hosts(tree):
    for path, text in tree.items():
        for host in HOSTS:
            if host in text:
                yield path, "names %s" % host


def openings(tree):
    for path, text in tree.items():
        if not path.endswith((".c", ".h", ".cc", ".sh")) or path.startswith("tests/wrong/"):
            continue
        match = re.match(r"(?:#!.*\n)?(?:/\*|//|#) (\S+) -- ", text)
        if not match:
            yield path, 'does not begin with "%s -- "' % os.path.basename(path)
        elif match[1] != os.path.basename(path):
            yield path, "begins with the name of another file, %s" % match[1]


def maps(tree):
    for path in tree:
        folder = os.path.dirname(path)
        if path.endswith(".c") and folder.startswith(("runtime/", "store", "tasks")):
            if "`%s`" % os.path.basename(path) not in tree.get(folder + "/README.md", ""):
                yield path, "%s/README.md does not name it in backticks" % folder


# What declared() finds in a header of every kind of declaration.
HEADER = """typedef struct opaque opaque; struct ahead; struct body { int x; };
typedef struct both { int x; } both;
typedef enum kind { ONE = 1, /* TWO */ THREE } kind;
enum { FOUR, FIVE = 5 };
void call(int (*argument)(void), ...) __attribute__((format(printf, 1, 2)));
typedef int (*pointer)(void *, int);
extern const int thing; USED(argument);
#define MACRO(x) (x)
#ifdef __cplusplus
inline int cxx(void) { return 0; }
#endif
"""
FOUND = "FIVE FOUR MACRO ONE THREE body both call kind opaque pointer thing"

CHECKS = {"names": names, "arrows": arrows, "citations": citations, "hosts": hosts, "openings": openings, "maps": maps}


def main():
    if " ".join(sorted({name for name, _ in declared(HEADER)})) != FOUND:
        sys.exit("house.py: declared() found %s" % sorted({name for name, _ in declared(HEADER)}))
    tree = files()
    if len(tree) < 300:
        sys.exit("house.py: only %d files were found in %s" % (len(tree), ROOT))
    failed = 0
    for kind, check in CHECKS.items():
        pending = dict.fromkeys(PENDING.get(kind, []), 0)
        for path, what in check(tree):
            folder = os.path.dirname(path) or "."
            if folder in pending:
                pending[folder] += 1
                if "-v" not in sys.argv:
                    continue
            else:
                failed += 1
            print("%s: %s: %s" % (kind, path, what))
        for folder, count in pending.items():
            if not count:
                print("%s: %s is in order and can leave PENDING in tests/unit/house.py" % (kind, folder))
    return 1 if failed else 0


sys.exit(main())
