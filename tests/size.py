#!/usr/bin/env python3
"""How large `src` is: its code lines, counted by tokei, and the functions that do not fit on a screen.

    pip install pytokei==1.0.1
    python tests/size.py             prints, and fails above a limit
    python tests/size.py --report    prints, and never fails

Comments, blank lines and tests are not counted: files of tests are left out, and modules of tests are cut
out of a copy before tokei sees it. A function is as long as the lines from its `fn` to its last brace; `self`
is not one of its parameters.
"""

import pathlib
import re
import sys
import tempfile

import pytokei

CODE_LINES = 57_480
LONG_FUNCTIONS = 1
LINES = 60
PARAMETERS = 5

# In this order: what stands in a comment is no string, and a lifetime is no character.
NOT_CODE = re.compile(
    r"""
      //[^\n]* | /\*.*?\*/
    | \bb?r(?P<hashes>\#*)".*?"(?P=hashes)
    | b?"(?:\\.|[^"\\])*"
    | b?'(?:\\[^'\n]+|\\'|[^'\\\n])'
    """,
    re.DOTALL | re.VERBOSE,
)
TEST_MODULE = re.compile(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*(?:pub(?:\([^)]*\))?\s+)?mod\s+(?P<name>\w+)\s*(?P<opens>[{;])")
FUNCTION = re.compile(r"\bfn\s+(?P<name>\w+)\s*(?=[<(])")
RECEIVER = re.compile(r"(&\s*('\w+\s+)?)?(mut\s+)?self(\s*:.*)?", re.DOTALL)


def blanked(source):
    """The same text, line by line and column by column, with spaces for comments, strings and characters."""
    return NOT_CODE.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), source)


def end_of(code, start):
    """Where the bracket that opens at `start` closes."""
    pairs = {"(": ")", "{": "}", "<": ">"}
    opens, closes = code[start], pairs[code[start]]
    depth = 0
    for at in range(start, len(code)):
        if code[at] == opens:
            depth += 1
        elif code[at] == closes and code[at - 1 : at + 1] not in ("->", "=>"):
            depth -= 1
            if depth == 0:
                return at
    raise ValueError(f"nothing closes {opens} at line {line_of(code, start)}")


def line_of(code, at):
    return code.count("\n", 0, at) + 1


def without_tests(path, source):
    """The source without its modules of tests, and the files that hold such modules."""
    code, files = blanked(source), set()
    for found in reversed(list(TEST_MODULE.finditer(code))):
        last = found.end()
        if found["opens"] == "{":
            last = end_of(code, found.end() - 1) + 1
        else:
            # The path is a string, which is blank in `code`.
            named = re.search(r'path\s*=\s*"([^"]+)"', source[found.start() : found.end()])
            inside = path.parent if path.stem in ("mod", "lib", "main") else path.with_suffix("")
            files.add(path.parent / named[1] if named else inside / f"{found['name']}.rs")
        # The lines stay, empty, so that what follows keeps its line numbers.
        source = source[: found.start()] + re.sub(r"[^\n]", "", source[found.start() : last]) + source[last:]
    return source, files


def parameters(text):
    """How many parameters stand between the brackets, without `self`."""
    depth, items, start = 0, [], 0
    for at, char in enumerate(text):
        if char in "([{<":
            depth += 1
        elif char in ")]}" or char == ">" and text[at - 1] not in "-=":
            depth -= 1
        elif char == "," and depth == 0:
            items.append(text[start:at])
            start = at + 1
    items.append(text[start:])
    items = [item.strip() for item in items if item.strip()]
    return sum(not RECEIVER.fullmatch(item) for item in items)


def functions(source):
    """Each function's name, first line, lines and parameters; those without a body have one line."""
    code = blanked(source)
    for found in FUNCTION.finditer(code):
        opens = found.end()
        if code[opens] == "<":
            opens = code.index("(", end_of(code, opens))
        closes = end_of(code, opens)
        body = re.compile(r"[;{]").search(code, closes)
        last = end_of(code, body.start()) if body.group() == "{" else closes
        first = line_of(code, found.start())
        yield found["name"], first, line_of(code, last) - first + 1, parameters(code[opens + 1 : closes])


def code_lines(sources):
    """Code lines by language, of the sources as they are without tests."""
    with tempfile.TemporaryDirectory() as copy:
        for path, source in sources.items():
            place = pathlib.Path(copy, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(source)
        counted = pytokei.Languages()
        counted.get_statistics([copy], [], pytokei.Config())
        # Each file by itself: the sum that tokei offers takes examples in comments for code.
        return {
            language: sum(counts["code"] for file in files for counts in file.values())
            for language, files in counted.get_languages_plain().items()
        }


def main():
    root = pathlib.Path(__file__).parent.parent
    sources = {path.relative_to(root): path.read_text() for path in sorted(root.glob("src/**/*")) if path.is_file()}
    tests = set()
    for path in [path for path in sources if path.suffix == ".rs"]:
        sources[path], files = without_tests(path, sources[path])
        tests |= files
    if unknown := tests - sources.keys():
        sys.exit(f"modules of tests whose files were not found: {sorted(map(str, unknown))}")
    sources = {path: source for path, source in sources.items() if path not in tests}

    found = []
    for path, source in sources.items():
        if path.suffix == ".rs":
            found += [(f"{path}:{first}  {name}", lines, taken) for name, first, lines, taken in functions(source)]
    long = sorted(((lines, where) for where, lines, _ in found if lines > LINES), reverse=True)
    many = sorted(((taken, where) for where, _, taken in found if taken > PARAMETERS), reverse=True)
    by_language = code_lines(sources)
    total = sum(by_language.values())

    each = ", ".join(f"{language} {lines}" for language, lines in sorted(by_language.items()) if lines)
    print(f"code lines of src: {total} of at most {CODE_LINES} ({each}; {len(found)} functions)")
    print(f"functions over {LINES} lines: {len(long)} of at most {LONG_FUNCTIONS}")
    for lines, where in long:
        print(f"  {lines:4} lines       {where}")
    print(f"functions with more than {PARAMETERS} parameters: {len(many)} of none")
    for taken, where in many:
        print(f"  {taken:4} parameters  {where}")
    over = total > CODE_LINES or len(long) > LONG_FUNCTIONS or len(many) > 0
    if over and "--report" not in sys.argv[1:]:
        sys.exit("src is larger than its limits")


if __name__ == "__main__":
    main()
