"""Nothing that the proxy reads, from wherever it comes, is ever taken for a program."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("cqlproxy", "frame_codec", "filters")

MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill"}
CALLS = {"eval", "exec", "compile", "__import__"}
YAML = {"load", "load_all", "unsafe_load", "unsafe_load_all", "full_load", "full_load_all"}
"""Of PyYAML: those that make objects of any class, or that do unless they are told a loader."""


def dangers(source: str) -> list[str]:
    """What in a module could run what it was given as data."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            found.append(str(node.module))
        elif isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id in CALLS:
                found.append(called.id)
            if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
                if called.value.id == "yaml" and called.attr in YAML:
                    found.append(f"yaml.{called.attr}")
                if called.value.id == "os" and called.attr in ("system", "popen"):
                    found.append(f"os.{called.attr}")
            if any(
                keyword.arg == "shell"
                and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
                for keyword in node.keywords
            ):
                found.append("shell=")
    return found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import pickle", ["pickle"]),
        ("from marshal import loads", ["marshal"]),
        ("eval(text)", ["eval"]),
        ("yaml.load(text, Loader)", ["yaml.load"]),
        ("yaml.safe_load(text)", []),
        ("subprocess.run(text, shell=True)", ["shell="]),
        ("subprocess.run(text, shell=False)", []),
        ("re.compile(text)", []),
        ("os.system(text)", ["os.system"]),
    ],
)
def test_what_is_looked_for_is_found(source: str, expected: list[str]) -> None:
    assert dangers(source) == expected


@pytest.mark.parametrize("package", PRODUCT)
def test_data_is_never_run(package: str) -> None:
    modules = sorted((ROOT / package).rglob("*.py"))
    assert modules
    found = {str(path.relative_to(ROOT)): dangers(path.read_text()) for path in modules}
    assert {path: what for path, what in found.items() if what} == {}
