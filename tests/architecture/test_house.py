"""The rules of the house that a program can check."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = sorted((ROOT / "webapp").rglob("*.py"))
FORBIDDEN_NAMES = {"service", "services", "utils", "helpers", "manager", "common", "base", "misc"}


def sources() -> Iterator[tuple[Path, str]]:
    for path in PRODUCT:
        yield path.relative_to(ROOT), path.read_text()


def test_the_word_commit_stands_in_one_file() -> None:
    committing = [
        str(path)
        for path, source in sources()
        if path.parts[1] != "sandbox" and re.search(r"\.commit\(", source)
    ]
    assert committing == ["webapp/core/db.py"]


def test_no_file_is_named_after_nothing() -> None:
    assert [str(path) for path, _ in sources() if path.stem in FORBIDDEN_NAMES] == []


def test_nobody_catches_everything() -> None:
    caught = []
    for path, source in sources():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ExceptHandler) and (
                node.type is None or (isinstance(node.type, ast.Name) and node.type.id == "Exception")
            ):
                caught.append(f"{path}:{node.lineno}")
    assert caught == []


def test_nothing_is_left_for_later_or_silenced() -> None:
    words = re.compile(r"TODO|FIXME|XXX|NotImplementedError|pragma: no cover|type: ignore|noqa")
    assert [str(path) for path, source in sources() if words.search(source)] == []


def test_nothing_refers_to_a_machine_or_a_package_host() -> None:
    hosts = "files.python" + "hosted|pypi" + ".org/simple"
    words = re.compile("|".join([r"\.\./sha" + "red", "/ro" + "ot/", "/wo" + "rk/", hosts]))
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    found = [
        name
        for name in listed.stdout.splitlines()
        if (ROOT / name).is_file() and words.search((ROOT / name).read_text(errors="ignore"))
    ]
    assert found == []


@pytest.mark.parametrize("package", ["web", "core", "domain"])
def test_only_the_sandbox_and_commands_print(package: str) -> None:
    printing = [
        str(path)
        for path, source in sources()
        if path.parts[1] == package and re.search(r"^\s*print\(", source, re.MULTILINE)
    ]
    assert printing == []
