"""Texts that installed packages ship: conversations, the Python manual, documentation strings. Read as files, never imported."""

from __future__ import annotations

import ast
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

LEAST_CHARACTERS = 200  # a docstring shorter than that says "Return self." and the like

# Languages of chatterbot-corpus with at least 10,000 tokens of SmolLM2's tokenizer; the others have at most 6,200.
LANGUAGES = (
    "bengali", "chinese", "dutch", "english", "italian", "japanese", "korean", "persian", "portuguese", "spanish",
    "traditionalchinese", "ukrainian",
)  # fmt: skip
# Modules whose documentation is prose: mail, dates, files, money, games of chance, networks, text, languages.
STANDARD = (
    "argparse", "ast", "bisect", "calendar", "codecs", "collections/__init__", "concurrent/futures/_base", "configparser",
    "contextlib", "copy", "csv", "datetime", "difflib", "doctest", "fractions", "functools", "gettext", "heapq", "imaplib",
    "inspect", "locale", "mailbox",
    "optparse", "os", "pathlib", "pickletools", "pprint", "random", "secrets", "shutil", "smtplib",
    "socket", "statistics", "string", "subprocess", "tarfile", "textwrap", "threading", "tkinter/__init__", "traceback", "turtle",
    "typing", "unittest/case", "unittest/mock", "urllib/request", "uuid", "webbrowser", "xml/sax/handler", "zipfile",
)  # fmt: skip
SCIENTIFIC = (
    "numpy/fft", "numpy/linalg", "scipy/cluster", "scipy/constants", "scipy/integrate", "scipy/ndimage", "scipy/spatial",
)  # fmt: skip


@dataclass(frozen=True)
class Document:
    """A text and where it comes from, as readers are told."""

    text: str
    source: str


@cache
def packaged_documents() -> tuple[Document, ...]:
    """English conversations, the Python manual's topics and documentation strings of installed packages, about 400,000 tokens."""
    return (*conversations("english", by_topic=True), *_manual(), *_docstrings())


@cache
def packaged_languages() -> tuple[Document, ...]:
    """Conversations in twelve languages; the source is the language."""
    return tuple(document for language in LANGUAGES for document in conversations(language, by_topic=False))


def conversations(language: str, *, by_topic: bool) -> Iterator[Document]:
    """The conversations of chatterbot-corpus (Cox) in a language, one document a topic, a blank line between two.

    by_topic: whether the source names the topic, "conversations about food", or the language.
    """
    import yaml

    folder = _package("chatterbot_corpus") / "data" / language
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for file in sorted(folder.glob("*.yml")):
        held = yaml.load(file.read_text(encoding="utf-8"), loader).get("conversations", [])
        text = "\n\n".join("\n".join(str(line).strip() for line in turns) for turns in held)
        yield Document(text, f"conversations about {file.stem.replace('_', ' ')}" if by_topic else language)


def _manual() -> Iterator[Document]:
    """Chapters of the language reference that `help()` shows; they differ between versions of Python."""
    from pydoc_data.topics import topics  # type: ignore[import-not-found, unused-ignore]

    for name, text in sorted(topics.items()):
        yield Document(text.strip(), f"Python manual: {name}")


def _docstrings() -> Iterator[Document]:
    root = Path(sysconfig.get_paths()["stdlib"])
    for name in STANDARD:
        yield from _docstrings_of(root / f"{name}.py", f"Python {name.removesuffix('/__init__').replace('/', '.')}")
    for name in SCIENTIFIC:
        package, _, part = name.partition("/")
        for file in sorted((_package(package) / part).rglob("*.py")):
            if "tests" not in file.parts:
                yield from _docstrings_of(file, name.replace("/", "."))


def _docstrings_of(file: Path, source: str) -> Iterator[Document]:
    if not file.is_file():
        return  # another version of Python has other modules
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
            text = ast.get_docstring(node) or ""
            if len(text) >= LEAST_CHARACTERS:
                yield Document(text, source)


def _package(name: str) -> Path:
    """The folder of an installed package, found without importing it. Raises FileNotFoundError where it is missing."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"The package {name} is missing on this machine. Install the packages of requirements.txt.")
    return Path(spec.origin).parent
