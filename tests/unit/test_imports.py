"""The house's import rules: backend ← components ← pages ← app, and torch only where models are run."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("backend", "components", "pages")
FORBIDDEN = {
    "backend": {"streamlit", "plotly", "components", "pages", "app"},
    "components": {"torch", "captum", "transformers", "pages", "app"},
    "pages": {"torch", "captum", "transformers", "app"},
    "app.py": {"torch", "captum", "transformers"},
}
PAGES = sorted(str(page.relative_to(ROOT)) for page in (ROOT / "pages").glob("*/page.py"))


def _files(layer: str) -> Iterator[Path]:
    place = ROOT / layer
    yield from [place] if place.is_file() else sorted(place.rglob("*.py"))


def imported(source: str) -> set[str]:
    """The top-level packages a source imports anywhere, inside functions too, relative imports as "."."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." if node.level else (node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("layer", FORBIDDEN)
def test_a_layer_imports_only_what_it_may(layer: str) -> None:
    files = list(_files(layer))
    assert files
    wrong = {str(file.relative_to(ROOT)): found for file in files if (found := imported(file.read_text()) & FORBIDDEN[layer])}
    assert not wrong


def test_the_rule_sees_an_import_inside_a_function() -> None:
    source = "def late():\n    from torch import nn\n    import plotly.graph_objects\n"
    assert imported(source) & FORBIDDEN["components"] == {"torch"}
    assert imported(source) & FORBIDDEN["backend"] == {"plotly"}


@pytest.mark.parametrize("layer", [*LAYERS, "app.py"])
def test_imports_are_absolute(layer: str) -> None:
    assert not [file for file in _files(layer) if "." in imported(file.read_text())]


def _loads(statement: str) -> set[str]:
    """Which heavy packages a fresh process has loaded after a statement."""
    report = f"import sys\n{statement}\nprint('loaded', *({{'torch', 'captum', 'transformers'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", report], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return set(done.stdout.rsplit("loaded", 1)[1].split())


def test_importing_every_component_leaves_torch_unimported() -> None:
    modules = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in _files("components") if file.stem != "__init__"]
    assert not _loads("import " + ", ".join(modules))


@pytest.mark.parametrize("page", PAGES)
def test_importing_a_page_leaves_torch_unimported(page: str) -> None:
    """The imports of a page alone: running it draws, which needs a server."""
    tree = ast.parse((ROOT / page).read_text())
    imports = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not _loads("\n".join(line for line in imports if "__future__" not in line))


@pytest.mark.parametrize("module", ["backend", "backend.methods.catalog", "backend.engine", "backend.models.catalog"])
def test_what_a_page_needs_of_the_backend_is_free_of_torch(module: str) -> None:
    assert not _loads(f"import {module}")


def test_the_check_of_loaded_packages_can_fail() -> None:
    assert _loads("import torch") == {"torch"}
