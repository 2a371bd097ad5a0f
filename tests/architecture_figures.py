"""Print the figures of the source code's structure: ``python -m tests.architecture_figures``.

The figures are those of docs/architecture.md: files at the top, import cycles, imports against
the layers, shared public names, docstrings, and the lengths of files and functions.
"""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median, quantiles

from tests.test_import_rules import LAYERS, MODULES, PACKAGE, allowed, package_of, project_imports

MAX_FILE_LINES = 300
# names that several modules share on purpose: one contract, many implementations
CONTRACTS = {"main", "build", "native_size", "known_options", "Run", "train"}
QUESTION_WORDS = re.compile(r"(?:What|Who|How|Where|Which)\b")


def public_names() -> dict[str, list[str]]:
    """Return the modules of each public class and function at a module's top level."""
    found = defaultdict(list)
    for module, path in MODULES.items():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(module)
    return found


def shared_public_names() -> dict[str, list[str]]:
    """Return the public names that stand in two modules or more, without the contracts."""
    return {
        name: modules
        for name, modules in public_names().items()
        if len(modules) > 1 and name not in CONTRACTS
    }


def function_lengths() -> list[int]:
    """Return the lines of each function and method, without its docstring and decorators."""
    return [
        length
        for path in MODULES.values()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for length in [_body_lines(node)]
    ]


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
    end = node.body[-1].end_lineno or node.lineno
    return end - first[0].lineno + 1


def cycles() -> int:
    """Return 0 if the modules can be sorted by their imports, else 1."""
    graph = {name: project_imports(path) - {name} for name, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        return 1
    return 0


def imports_against_the_order() -> list[str]:
    """Return the imports of a package that its layer does not allow."""
    return [
        f"{module} -> {imported}"
        for module, path in MODULES.items()
        if module not in ("", "__main__")
        for imported in project_imports(path)
        if package_of(imported) not in allowed(package_of(module))
    ]


def docstrings_with_question_words() -> list[str]:
    """Return the modules whose docstring begins with a question word."""
    return [
        module
        for module, path in MODULES.items()
        if QUESTION_WORDS.match(ast.get_docstring(ast.parse(path.read_text())) or "")
    ]


def long_files() -> list[str]:
    """Return the files with more than `MAX_FILE_LINES` lines."""
    return [name for name, path in MODULES.items() if lines_of(path) > MAX_FILE_LINES]


def lines_of(path: Path) -> int:
    """Return the number of lines of a file."""
    return len(path.read_text().splitlines())


def rows() -> Iterator[tuple[str, object]]:
    """Yield each figure with its name."""
    names = public_names()
    shared = shared_public_names()
    lengths = function_lengths()
    yield "files at the top of the package", len(list(PACKAGE.glob("*.py")))
    yield "import cycles", cycles()
    yield "imports against the layer order", len(imports_against_the_order())
    yield "packages covered by the import rules", sum(len(layer) for layer in LAYERS)
    yield "public functions and classes", sum(len(modules) for modules in names.values())
    yield "of these, names shared by two modules", f"{len(shared)} {sorted(shared)}"
    yield "modules", len(MODULES)
    yield "module docstrings with a question word", len(docstrings_with_question_words())
    yield f"files over {MAX_FILE_LINES} lines", len(long_files())
    yield "functions", len(lengths)
    yield "function length, median", median(lengths)
    yield "function length, 90th percentile", round(quantiles(lengths, n=10)[-1], 1)


def main() -> None:
    """Print the figures, and the packages with their lines."""
    for name, figure in rows():
        print(f"{name:45} {figure}")
    sizes: Counter[str] = Counter()
    files: Counter[str] = Counter()
    for path in MODULES.values():
        folder = path.parent.relative_to(PACKAGE).as_posix()
        sizes[folder] += lines_of(path)
        files[folder] += 1
    print()
    for folder in sorted(sizes):
        print(f"{folder:30} {files[folder]:4} files {sizes[folder]:6} lines")


if __name__ == "__main__":
    main()
