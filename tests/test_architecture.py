"""The rules that hold the tree together: layers, light imports, set-up commands, packaging."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import shapelab

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {
    "torch",
    "PySide6",
    "pyvista",
    "pyvistaqt",
    "pyqtgraph",
    "trimesh",
    "skimage",
    "cv2",
    "scipy",
}
LIGHT = [
    "shapelab",
    "shapelab.__main__",
    "shapelab.cli",
    "shapelab.describe",
    "shapelab.core.mesh.formats",
    "shapelab.core.inputs.untrusted_reader",
    "shapelab.core.model.latent",
    "shapelab.core.mesh.meshing",
    "shapelab.core.runs.curves",
    "shapelab.core.runs.advice.doctor",
    "shapelab.core.runs.events",
    "shapelab.core.inputs.reconstruct",
    "shapelab.core.runs.run_folder",
    "shapelab.core.runs.run_config",
    "shapelab.core.runs.run_state",
    "shapelab.core.session.session",
    "shapelab.core.model.spec",
    "shapelab.core.runs.run_models",
    "shapelab.core.runs.overrides",
    "trainer.process.control",
]
COMMANDS = ["pip install . && shapelab", 'pip install -e ".[test]" && pytest']
MOST_FILES = 20  # in a folder: more cannot be taken in at one look
MOST_LINES = 500  # of a file: more is two things, or needs its reason in LONG
FEWEST_LINES = 60  # of a file with one user: fewer is a splinter of that user, or stands in SMALL
LONG = {
    "shapelab/core/furniture/families/kitchen_appliance.py": "six appliances, one class",
}
SMALL = {
    "shapelab.core.mesh.formats.stl": "a format",
    "shapelab.core.mesh.formats.obj": "a format",
    "shapelab.core.mesh.formats.ply": "a format",
    "trainer.checkpoints.tensorfile": "a format",
}
WRITES = {  # files of its own accord; all others go through shapelab.core.atomic
    "shapelab/core/atomic.py": "the way",
    "shapelab/gui/process/trainer_process.py": "a priority for the kernel; an empty log of events",
    "trainer/data/store/shards.py": "a journal of entries with their checksums",
    "trainer/evaluation/subjects.py": "a temporary folder",
    "trainer/training/recovery.py": "room that is given up when the disk is full",
}
TOP_LEVEL = {
    ".ci",
    ".gitignore",
    "LICENSE",
    "README.md",
    "pyproject.toml",
    "resources",
    "shapelab",
    "tests",
    "trainer",
}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_import_contracts_are_kept() -> None:
    # In a process of its own: import-linter changes the interpreter's import path.
    code = "from importlinter.cli import lint_imports_command as run; run()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("module", LIGHT)
def test_import_is_light(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({HEAVY} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_readme_has_the_two_commands_near_the_top() -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    for command in COMMANDS:
        assert command in lines[:60], command
    assert any("tests/apt.txt" in line for line in lines[: lines.index(COMMANDS[0])])


def test_ci_runs_the_readmes_test_command() -> None:
    assert COMMANDS[1] in (ROOT / ".ci" / "run").read_text("utf-8")


def test_ci_names_no_machine_and_no_registry() -> None:
    text = (ROOT / ".ci" / "run").read_text("utf-8")
    assert not re.search(r"https?://|/wor[k]/|/home/|/root/|index-url|find-links", text)


def test_version_is_the_same_in_project_and_package(project: dict[str, Any]) -> None:
    assert project["project"]["version"] == shapelab.__version__


def test_resources_and_both_packages_are_in_the_wheel(project: dict[str, Any]) -> None:
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["shapelab", "trainer"]
    assert wheel["sources"] == {"trainer": "shapelab_trainer"}
    assert wheel["force-include"] == {
        "resources": "shapelab/resources",
        "README.md": "shapelab/resources/README.md",
    }
    assert (ROOT / "resources").is_dir()


def test_an_editable_installation_has_the_trainer_under_its_installed_name(
    project: dict[str, Any],
) -> None:
    folders = project["tool"]["hatch"]["build"]["targets"]["wheel"]["dev-mode-dirs"]
    code = f"import sys; sys.path[:0] = {[str(ROOT / folder) for folder in folders]}; "
    code += "import shapelab_trainer.process.control as found; print(found.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert Path(done.stdout.strip()) == ROOT / "trainer" / "process" / "control.py", done.stderr


@pytest.mark.parametrize(
    ("kind", "command"), [("scripts", "shapelab"), ("gui-scripts", "shapelab-gui")]
)
def test_entry_point_can_be_called(project: dict[str, Any], kind: str, command: str) -> None:
    module, name = project["project"][kind][command].split(":")
    assert callable(getattr(__import__(module, fromlist=[name]), name))


@pytest.mark.parametrize("package", ["shapelab", "trainer"])
def test_packages_say_that_they_are_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


def test_top_level_holds_only_what_belongs_there() -> None:
    done = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        pytest.skip("not a git checkout")
    assert {line.split("/")[0] for line in done.stdout.splitlines()} <= TOP_LEVEL


def sources() -> dict[str, str]:
    """The text of each Python file of both packages, by its path in the checkout."""
    return {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
        for package in ("shapelab", "trainer")
        for path in sorted((ROOT / package).rglob("*.py"))
    }


def importers() -> dict[str, set[str]]:
    """Which files import a file, by the dotted names of both."""
    names = {
        path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): path
        for path in sources()
    }
    found: dict[str, set[str]] = {name: set() for name in names}
    for name, path in names.items():
        package = name if path.endswith("__init__.py") else name.rpartition(".")[0]
        for node in ast.walk(ast.parse(sources()[path])):
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    parent = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
                    base = f"{parent}.{base}".rstrip(".")
                targets = [f"{base}.{alias.name}" for alias in node.names] + [base]
            else:
                continue
            for target in targets:
                if target in found and target != name:
                    found[target].add(name)
    return found


def test_every_module_says_what_it_owns() -> None:
    silent = [path for path, text in sources().items() if not text.startswith('"""')]
    assert not silent


def test_a_folder_can_be_taken_in_at_one_look() -> None:
    tests = (path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py"))
    counts = Counter(path.rpartition("/")[0] for path in (*sources(), *tests))
    assert {folder: n for folder, n in counts.items() if n > MOST_FILES} == {}


def test_a_file_owns_one_thing() -> None:
    long = {path for path, text in sources().items() if text.count("\n") > MOST_LINES}
    assert long == set(LONG)


def test_no_file_is_a_splinter_of_its_only_user() -> None:
    lines = {
        path.removesuffix(".py").replace("/", "."): text.count("\n")
        for path, text in sources().items()
    }
    small = {
        name
        for name, users in importers().items()
        if len(users) == 1 and lines.get(name, FEWEST_LINES) < FEWEST_LINES
    }
    assert small == set(SMALL)


def _writes(call: ast.Call) -> bool:
    """Whether a call may change a file by its name."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in ("write_text", "write_bytes", "copyfile", "copytree", "copy2", "imwrite"):
        return True
    if name != "open":
        return False
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if isinstance(owner, ast.Name) and owner.id == "archive":  # a member of a ZIP in memory
        return False
    modes = [*call.args, *(each.value for each in call.keywords if each.arg == "mode")]
    return any(
        isinstance(each, ast.Constant)
        and re.fullmatch("[rwaxbt+]*[wax+][rwaxbt+]*", str(each.value))
        for each in modes
    )


def test_files_are_written_in_one_way() -> None:
    # What a kill or a full disk leaves was tried there; Python's own ways leave halves.
    found = {
        path
        for path, text in sources().items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and _writes(node)
    }
    assert found == set(WRITES)


def test_no_two_test_files_share_a_name() -> None:
    # pytest imports them by their bare names, and would refuse to collect the second.
    names = Counter(path.name for path in (ROOT / "tests").rglob("*.py"))
    assert {name for name, count in names.items() if count > 1} <= {"conftest.py", "__init__.py"}


def test_the_trainer_imports_itself_by_no_name() -> None:
    # A checkout calls it trainer, an installation shapelab_trainer: see pyproject.toml.
    for path, text in sources().items():
        if path.startswith("trainer/"):
            assert not re.search(r"^\s*(from|import) trainer\b", text, re.MULTILINE), path


def test_the_map_in_the_readme_shows_every_folder_and_nothing_else() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    section = readme[readme.index("## Where things are") :].split("\n## ")[0]
    shown = set(re.findall(r"`((?:shapelab|trainer)/[a-z_/]*)`", section))
    folders = {path.rpartition("/")[0] + "/" for path in sources()}
    assert shown == folders
    files = {path.rpartition("/")[2] for path in sources()}
    assert set(re.findall(r"`([a-z_]+\.py)`", section)) <= files
