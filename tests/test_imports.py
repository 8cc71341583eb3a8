"""What is loaded when, and who may know whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import softmax_cli
from tests.conftest import plain_environment

PACKAGE = Path(softmax_cli.__file__).parent
ROOM = {"core", "input", "output", "flow", "commands"}

PROBE = """
import sys
from softmax_cli.cli import main
sys.argv[0] = "softmax-cli"
status = main()
print("numpy" in sys.modules, "rich" in sys.modules, "orjson" in sys.modules, file=sys.stderr)
sys.exit(status)
"""


def loaded(*args: str, stdin: str = "", **env: str) -> tuple[int, dict[str, bool]]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *args],
        input=stdin,
        capture_output=True,
        text=True,
        env=plain_environment(env),
        check=False,
    )
    words = done.stderr.splitlines()[-1].split()
    names = ("numpy", "rich", "orjson")
    return done.returncode, dict(zip(names, (word == "True" for word in words), strict=True))


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["--version"],
        *([name, "--help"] for name in ("hardmax", "softmax", "xent", "kl", "compare")),
    ],
    ids=" ".join,
)
def test_help_loads_neither_numpy_nor_rich(args: list[str]) -> None:
    status, modules = loaded(*args)
    assert status == 0
    assert not modules["numpy"]
    assert not modules["rich"]


@pytest.mark.parametrize(
    "args",
    [
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
    ],
    ids=" ".join,
)
def test_usage_errors_load_neither_numpy_nor_rich(args: list[str]) -> None:
    status, modules = loaded(*args)
    assert status == 2
    assert not modules["numpy"]
    assert not modules["rich"]


@pytest.mark.parametrize("words", ["", "softmax --te", "xent -1 -f ", "kl --from "])
def test_completion_loads_neither_numpy_nor_rich(words: str) -> None:
    line = f"softmax-cli {words}"
    count = len(line.split()) - (0 if line.endswith(" ") else 1)
    status, modules = loaded(
        _SOFTMAX_CLI_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(count)
    )
    assert status == 0
    assert not modules["numpy"]
    assert not modules["rich"]


def test_completion_of_columns_loads_neither_numpy_nor_rich(tmp_path: Path) -> None:
    for name, text in (("a.csv", "cat,dog\n1,2\n"), ("a.jsonl", '{"cat":1,"dog":2}\n')):
        (tmp_path / name).write_text(text)
        line = f"softmax-cli xent -i {tmp_path / name} --target-column "
        status, modules = loaded(_SOFTMAX_CLI_COMPLETE="bash_complete", COMP_LINE=line)
        assert (status, modules) == (0, {"numpy": False, "rich": False, "orjson": False})


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
    assert loaded(*args) == (0, {"numpy": True, "rich": False, "orjson": True})


def test_the_list_of_commands_loads_none_of_them() -> None:
    script = """
import sys
from softmax_cli.cli import main
main(["--help"])
slow = ("softmax_cli.options", "softmax_cli.commands", "difflib", "csv", "importlib.metadata")
print(*(name for name in slow if name in sys.modules), end="", file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    for name in ("hardmax", "softmax", "xent", "kl", "compare"):
        assert f"\n  {name} " in done.stdout


def imports_of(path: Path) -> set[str]:
    """The package's rooms that a module imports from, anywhere in it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module is not None
    } | {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }


@pytest.mark.parametrize("room", ["core", "input", "output"])
def test_core_input_and_output_know_neither_one_another_nor_commands(room: str) -> None:
    for path in (PACKAGE / room).glob("*.py"):
        for name in imports_of(path):
            parts = name.split(".")
            if parts[0] == "softmax_cli" and len(parts) > 1 and parts[1] in ROOM:
                assert parts[1] == room, f"{path.name} imports {name}"


def test_commands_never_import_each_other_and_only_output_knows_rich() -> None:
    for path in PACKAGE.rglob("*.py"):
        names = imports_of(path)
        if path.parent.name == "commands":
            assert not any(name.startswith("softmax_cli.commands.") for name in names), path
        if path.parent.name != "output":
            assert not any(name.split(".")[0] == "rich" for name in names), path
        if path.parent.name in {"core", "flow"}:
            assert not any(name.split(".")[0] == "click" for name in names), path


def test_the_core_needs_numpy_alone() -> None:
    allowed = set(sys.stdlib_module_names) | {"numpy", "softmax_cli"}
    for path in (PACKAGE / "core").glob("*.py"):
        assert {name.split(".")[0] for name in imports_of(path)} <= allowed, path


def test_importing_the_package_costs_nothing() -> None:
    script = "import sys; old = set(sys.modules); import softmax_cli; print(set(sys.modules) - old)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "{'softmax_cli'}\n"


def test_command_functions_and_modules_stay_small() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "except Exception" not in text, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
                assert node.end_lineno - node.lineno <= 70, (path, node.name)
