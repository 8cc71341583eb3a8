"""What is loaded when, who may know whom, and how large it all may grow."""

import ast
import json
import sys
from collections.abc import Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import softmax_cli
from softmax_cli.cli import COMMANDS
from tests.conftest import run_command

PACKAGE = Path(softmax_cli.__file__).parent
ROOT = Path(__file__).parent.parent
# What a folder or a module beside the folders may import stands before it or beside it.
RANKS = {"errors": 0, "messages": 0, "core": 1, "input": 1, "output": 1, "run": 2, "results": 3}
RANKS |= {"completion": 3, "options": 4, "commands": 4, "cli": 5, "__main__": 6}
ALONE = {"core", "input", "output"}
CLICK = {"cli", "options", "completion", "messages"}

PROBE = """
import json, os, sys
from softmax_cli.cli import main
sys.argv[0] = "softmax-cli"
found = []
for args, environment in json.load(sys.stdin):
    os.environ.update(environment)
    status = main(args)
    found.append([status, [m for m in ("numpy", "rich", "orjson") if m in sys.modules]])
    for name in environment:
        del os.environ[name]
print(json.dumps(found), file=sys.stderr)
"""


def loaded(*runs: list[str] | Mapping[str, str]) -> list[tuple[int, list[str]]]:
    """The status of each run, by its arguments or environment, and what is loaded by then."""
    asked = [(run, {}) if isinstance(run, list) else ([], run) for run in runs]
    done = run_command([sys.executable, "-c", PROBE], json.dumps(asked))
    found = json.loads(done.err.splitlines()[-1])
    return [(status, names) for status, names in found]


def test_help_and_usage_errors_load_neither_numpy_nor_rich() -> None:
    helps = [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)]
    errors = [
        [],
        ["sofmax"],
        ["softmax", "--temprature", "2", "1"],
        ["softmax", "-T", "-1", "1"],
        ["softmax", "1", "2,3"],
        ["softmax", "1", "-i", "x.csv"],
        ["xent", "1,2"],
        ["xent", "1,2", "--target-column", "1"],
        ["xent", "1,2", "-t", "0", "--breakdown", "--gradient"],
        ["xent", "1,2", "-t", "0", "--sampled", "2", "--focal", "2"],
        ["xent", "1,2", "-t", "0", "--seed", "2"],
        ["softmax", "1", "2", "--hierarchical", "3,2,1", "-T", "2"],
        ["hardmax", "--ties", "split", "--as", "index", "1"],
        ["compare", "--dtype", "float33", "1"],
    ]
    runs = [*helps, *errors]
    for args, (status, names) in zip(runs, loaded(*runs), strict=True):
        assert (status, set(names) - {"orjson"}) == (2 if args in errors else 0, set()), args


def test_completion_loads_neither_numpy_nor_rich(tmp_path: Path) -> None:
    lines = ["", "softmax --te", "xent -1 -f ", "kl --from "]
    for name, text in (("a.csv", "cat,dog\n1,2\n"), ("a.jsonl", '{"cat":1,"dog":2}\n')):
        (tmp_path / name).write_text(text)
        lines.append(f"xent -i {tmp_path / name} --target-column ")
    asked: list[Mapping[str, str]] = []
    for line in lines:
        words = f"softmax-cli {line}"
        count = len(words.split()) - (0 if words.endswith(" ") else 1)
        own = {"COMP_WORDS": words, "COMP_CWORD": str(count), "COMP_LINE": words}
        asked.append({"_SOFTMAX_CLI_COMPLETE": "bash_complete", **own})
    assert loaded(*asked) == [(0, [])] * len(lines)


@pytest.mark.parametrize(
    "args",
    [
        ["softmax", "1", "2"],
        ["hardmax", "1", "2"],
        ["xent", "1,2", "-t", "0"],
        ["xent", "1,2", "-t", "0", "--sampled", "2"],
        ["xent", "1,2", "-t", "0", "--hierarchical", "3,2,1"],
        ["kl", "0.5,0.5", "0.2,0.8"],
        ["compare", "1", "2"],
        ["softmax", "-f", "json", "1", "2"],
    ],
    ids=" ".join,
)
def test_csv_and_json_never_load_rich(args: list[str]) -> None:
    assert loaded(args) == [(0, ["numpy", "orjson"])]


def test_the_list_of_commands_loads_none_of_them() -> None:
    script = """
import sys
from softmax_cli.cli import main
main(["--help"])
slow = ("softmax_cli.options", "softmax_cli.commands", "difflib", "csv", "importlib.metadata")
print(*(name for name in slow if name in sys.modules), end="", file=sys.stderr)
"""
    shown = run_command([sys.executable, "-c", script]).ok()
    assert all(f"\n  {name} " in shown for name in COMMANDS)


def test_importing_the_package_costs_nothing() -> None:
    script = "import sys; old = set(sys.modules); import softmax_cli; print(set(sys.modules) - old)"
    assert run_command([sys.executable, "-c", script]).ok() == "{'softmax_cli'}\n"


@cache
def modules() -> dict[str, tuple[Path, ast.Module]]:
    """The modules of the package by their names within it, such as `core.softmax`."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        found[".".join(parts)] = path, ast.parse(path.read_text(encoding="utf-8"))
    return found


@cache
def imports() -> dict[str, tuple[set[str], set[str]]]:
    """What each module imports anywhere in it: modules of the package, and other packages."""
    found = {}
    for name, (_, tree) in modules().items():
        names = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{name} has a relative import"
                assert node.module is not None
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            elif isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
        ours = {name.partition(".")[2] for name in names if name.startswith("softmax_cli.")}
        theirs = {name.partition(".")[0] for name in names} - {"softmax_cli"}
        found[name] = (ours & modules().keys()) - {name}, theirs
    return found


def folder(module: str) -> str:
    return module.partition(".")[0]


def test_no_folder_imports_one_above_it() -> None:
    wrong = [
        f"{module} imports {other}"
        for module, (ours, _) in imports().items()
        for other in ours
        if RANKS.get(folder(other), 0) > RANKS.get(folder(module), len(RANKS))
    ]
    assert wrong == []


def test_core_input_and_output_never_import_one_another_nor_a_command_another() -> None:
    wrong = [
        f"{module} imports {other}"
        for module, (ours, _) in imports().items()
        for other in ours
        if (folder(module) in ALONE and folder(other) in ALONE - {folder(module)})
        or (folder(module) == folder(other) == "commands" and other != "commands")
    ]
    assert wrong == []


def test_no_imports_go_in_a_circle() -> None:
    """Not even those that stand under TYPE_CHECKING or in a function; CycleError names them."""
    TopologicalSorter({module: ours for module, (ours, _) in imports().items()}).prepare()


def test_only_output_knows_rich_and_the_core_needs_numpy_alone() -> None:
    allowed = set(sys.stdlib_module_names) | {"numpy"}
    for module, (_, theirs) in imports().items():
        assert "rich" not in theirs or folder(module) == "output", module
        assert theirs <= allowed or folder(module) != "core", module


def test_click_is_known_to_the_command_line_alone() -> None:
    knowing = {module for module, (_, theirs) in imports().items() if "click" in theirs}
    assert {module for module in knowing if folder(module) != "commands"} <= CLICK


def test_processes_are_known_to_one_module_alone() -> None:
    words = ("os.fork", "import fork", "multiprocessing", "concurrent.futures")
    knowing = {
        module
        for module, (path, _) in modules().items()
        if any(word in path.read_text(encoding="utf-8") for word in words)
    }
    assert knowing == {"run.parallel"}


def test_functions_stay_small_and_no_exception_is_passed_over() -> None:
    for module, (path, tree) in modules().items():
        assert "except Exception" not in path.read_text(encoding="utf-8"), module
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
                assert node.end_lineno - node.lineno <= 70, (module, node.name)


@pytest.mark.parametrize(
    ("place", "suffix", "lines"),
    [("softmax_cli", ".py", 9500), ("tests", ".py", 8500), ("README.md", ".md", 400)],
)
def test_size(place: str, suffix: str, lines: int) -> None:
    start = ROOT / place
    files = start.rglob(f"*{suffix}") if start.is_dir() else [start]
    assert sum(file.read_text(encoding="utf-8").count("\n") for file in files) <= lines
