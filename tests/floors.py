"""Count the dependencies between modules that point up, and fail if there is one.

    python tests/floors.py [--edges MODULE]

Within each folder of a crate's source, modules are taken as they lie there: a folder is one of them, and so is the
folder's own `mod.rs` (or `lib.rs`, `main.rs`). It may use those beside it, or have what they use, such as a type whose
methods they add, but not both; what it only passes on (`pub use`) is not used by it. An arrow points up if it lies on a
circle among neighbours or, where `FLOORS` names an order, goes to a later floor.

Paths are resolved: `crate::`, `super::` and `self::`, in `use` and inline, lists in braces and globs, and items that a
module only passes on (`pub use`) count for the module that they come from. Tests do not count.
"""

import argparse
import re
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]

# From the bottom up, as docs/architecture.md draws them. What is not named lies where its arrows let it.
FLOORS: dict[str, list[set[str]]] = {
    "shm/src": [
        {"sys"},
        {"share_out", "text"},
        {"holder"},
        {"error"},
        {"format"},
        {"codec"},
        {"directory"},
        {"collector"},
        {"segment"},
        {"memory"},
        {"stored_data"},
        {"reader"},
        {"buffer", "scene"},
        {"pool"},
        {"store"},
    ],
    "view/src": [],
    "server/src": [
        {"platform", "identity", "sync"},
        {"lanes"},
        {"follower"},
        {"access"},
        {"state"},
        {"report"},
        {"tools", "resources", "prompts", "completion"},
        {"handler"},
        {"serve"},
    ],
    "python/src": [
        {"json"},
        {"errors"},
        {"arguments", "exporter", "kind"},
        {"store"},
        {"options"},
        {"writer"},
        {"scene", "buffer"},
        {"pool"},
    ],
}

Module = tuple[str, ...]
# The `mod.rs` of a folder among its neighbours.
OWN = "mod.rs"

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
TEXT = re.compile(r'r(#*)".*?"\1|b?"(?:\\.|[^"\\])*"|\'(?:\\.[^\']*|[^\'\\])\'', re.DOTALL)
TEST = re.compile(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*(?:pub(?:\([^)]*\))? )?mod (\w+)\s*([;{])")
DOC = re.compile(r"#\[cfg\(doc\)\]\s*use [^;]+;")
USE = re.compile(r"\b(pub(?:\([^)]*\))? )?use ([^;]+);")
INLINE = re.compile(r"\b((?:crate|self|super)(?:::super)*(?:::\w+)+)")
ITEM = re.compile(r"\b(?:fn|struct|enum|trait|type|const|static|union|mod|macro_rules!) (?:mut )?(\w+)")


def code(path: Path) -> tuple[str, set[str]]:
    """The code of a file without comments, texts and tests, and the names of its modules that are tests."""
    # Texts first: they may have what looks like a comment.
    source = re.sub(r"//[/!][^\n]*", "", path.read_text())
    source = DOC.sub("", COMMENT.sub("", TEXT.sub('""', source)))
    tests = set()
    while found := TEST.search(source):
        tests.add(found[1])
        end = found.end()
        if found[2] == "{":
            depth = 1
            while depth:
                depth += {"{": 1, "}": -1}.get(source[end], 0)
                end += 1
        source = source[: found.start()] + source[end:]
    return source, tests


def paths(tree: str, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The paths of a `use`, each with the name that it has here."""
    tree = tree.strip()
    if "{" in tree:
        head, _, rest = tree.partition("{")
        depth, start = 0, 0
        inner = rest.rstrip()[:-1]
        for at, character in enumerate(inner + ","):
            depth += {"{": 1, "}": -1}.get(character, 0)
            if character == "," and depth == 0:
                if inner[start:at].strip():
                    yield from paths(inner[start:at], prefix + head.strip())
                start = at + 1
        return
    path, _, alias = tree.partition(" as ")
    path = prefix + path.strip()
    path = path.removesuffix("::self")
    yield path, alias.strip() or path.rsplit("::", 1)[-1]


class Crate:
    """The modules of a crate, and what each of them uses."""

    def __init__(self, source: Path) -> None:
        """Read the files below a folder."""
        self.code: dict[Module, str] = {}
        self.files: dict[Module, Path] = {}
        tests: set[Module] = set()
        for path in sorted(source.rglob("*.rs")):
            parts = path.relative_to(source).with_suffix("").parts
            module = parts[:-1] if parts[-1] in {"mod", "lib", "main"} else parts
            if module in self.files and parts[-1] == "main":
                continue
            self.code[module], of_tests = code(path)
            self.files[module] = path
            tests |= {(*module, name) for name in of_tests}
        for module in [module for module in self.code if any(module[: len(test)] == test for test in tests)]:
            del self.code[module], self.files[module]
        self.passed_on: dict[Module, dict[str, tuple[str, ...]]] = {}
        self.globs: dict[Module, list[tuple[str, ...]]] = defaultdict(list)
        for module, text in self.code.items():
            names = self.passed_on[module] = {}
            for use in USE.finditer(text):
                for target, name in paths(use[2]):
                    absolute = self.absolute(module, target)
                    if absolute is not None and name == "*":
                        self.globs[module].append(absolute[:-1])
                    elif absolute is not None:
                        names[name] = absolute

    def absolute(self, module: Module, path: str) -> tuple[str, ...] | None:
        """A path from the crate's root, if it is one of this crate's."""
        head, *rest = path.split("::")
        if head == "crate":
            return tuple(rest)
        if head not in {"self", "super"}:
            # A module beside, which needs no prefix.
            return (*module, *path.split("::")) if (*module, head) in self.code else None
        at = module
        while head == "super":
            at = at[:-1]
            head, *rest = rest or [""]
        if head and head != "self":
            rest = [head, *rest]
        return (*at, *rest)

    def home(self, path: tuple[str, ...], depth: int = 0) -> Module:
        """The module where the thing at a path is defined."""
        length = max(n for n in range(len(path) + 1) if path[:n] in self.code)
        module, rest = path[:length], path[length:]
        if not rest or depth > 8 or rest[0] in ITEM.findall(self.code[module]):
            return module
        if rest[0] in self.passed_on[module]:
            return self.home((*self.passed_on[module][rest[0]], *rest[1:]), depth + 1)
        for glob in self.globs[module]:
            found = self.home((*glob, *rest), depth + 1)
            if rest[0] in ITEM.findall(self.code[found]):
                return found
        return module

    def edges(self) -> Iterator[tuple[Module, Module]]:
        """Which module uses which."""
        for module, text in self.code.items():
            used = {path for use in USE.finditer(text) if not use[1] for path, _ in paths(use[2])}
            rest = USE.sub("", text)
            used |= {found[1] for found in INLINE.finditer(rest)}
            local = {other[-1] for other in self.code if other and other[:-1] == module}
            for name in local:
                used |= set(re.findall(rf"\b{name}(?:::\w+)+", rest))
            for path in used:
                absolute = self.absolute(module, path)
                if absolute is not None and (home := self.home(absolute)) != module:
                    yield module, home


def circles(arrows: dict[str, set[str]]) -> list[tuple[str, str]]:
    """The arrows that lie on a circle."""

    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            for following in arrows.get(todo.pop(), set()) - seen:
                seen.add(following)
                todo.append(following)
        return seen

    reached = {name: reach(name) for name in arrows}
    return [(a, b) for a, following in arrows.items() for b in following if a in reached.get(b, set())]


def upward(crate: Crate, floors: list[set[str]]) -> list[str]:
    """What points up, in words."""
    found: list[str] = []
    neighbours: dict[Module, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    examples: dict[tuple[Module, str, str], str] = {}
    for user, used in crate.edges():
        common = 0
        while common < min(len(user), len(used)) and user[common] == used[common]:
            common += 1
        folder: Module = user[:common]
        a, b = ((*path[common:], OWN)[0] for path in (user, used))
        neighbours[folder][a].add(b)
        examples[folder, a, b] = f"{'::'.join(user) or 'crate'} uses {'::'.join(used) or 'crate'}"
    for folder, arrows in neighbours.items():
        found += [f"{examples[folder, a, b]}, a circle" for a, b in circles(arrows)]
    floor = {name: number for number, names in enumerate(floors) for name in names}
    root: Module = ()
    for a, following in neighbours[root].items():
        higher = [b for b in following if floor.get(a, len(floors)) < floor.get(b, -1)]
        found += [f"{examples[root, a, b]}, a floor above" for b in higher]
    return sorted(set(found))


def main() -> None:
    """Count, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--edges", help="print what this module uses, such as shm/src:pool::slot")
    wanted = parser.parse_args().edges
    total = 0
    for source, floors in FLOORS.items():
        if not (ROOT / source).is_dir():
            continue
        crate = Crate(ROOT / source)
        if wanted and wanted.startswith(f"{source}:"):
            module = tuple(wanted.partition(":")[2].split("::"))
            sys.stdout.writelines(f"{'::'.join(used)}\n" for user, used in sorted(set(crate.edges())) if user == module)
        found = upward(crate, floors)
        total += len(found)
        lengths = sorted((len(path.read_text().splitlines()), path) for path in crate.files.values())
        unsafe = sum("unsafe {" in text or "unsafe impl" in text for text in crate.code.values())
        sys.stdout.writelines(f"{source}: {line}\n" for line in found)
        sys.stdout.write(
            f"{source}: {len(crate.code)} modules, {len(found)} dependencies that point up; median file "
            f"{statistics.median(length for length, _ in lengths):.0f} lines, longest {lengths[-1][0]} "
            f"({lengths[-1][1].relative_to(ROOT)}); {unsafe} with unsafe code\n"
        )
    if total:
        sys.exit(f"{total} dependencies point up")


if __name__ == "__main__":
    main()
