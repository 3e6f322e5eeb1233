"""The catalog: what is on offer, and what an operator may add."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from torch import nn

from backend.data.frames import Preprocess
from backend.models import catalog
from backend.models.catalog import ModelError, add_model, entries, entry, imagenet_labels

SMALL = Preprocess(8, 8, 8, mean=(0.0,), std=(255.0,))


@pytest.fixture(autouse=True)
def _no_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VITRINE_OPERATOR", raising=False)
    monkeypatch.setattr(catalog, "_operator", catalog._Operator())


def linear() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 2))


def test_the_default_models_are_offered_the_image_net_first() -> None:
    assert [e.name for e in entries()] == ["efficientnet-lite0", "digits-cnn", "digits-vit"]


def test_imagenet_labels_are_a_thousand_unique_names_in_class_order() -> None:
    labels = imagenet_labels()
    assert len(labels) == len(set(labels)) == 1000
    assert (labels[0], labels[281], labels[282], labels[285], labels[999]) == (
        "tench", "tabby", "tiger cat", "Egyptian cat", "toilet tissue",
    )  # fmt: skip
    assert {labels[134], labels[517]} == {"crane (bird)", "crane (machine)"}


def test_an_unknown_name_is_shown_with_the_names_there_are() -> None:
    with pytest.raises(ModelError, match=r"'resnet'; there are efficientnet-lite0, digits-cnn, digits-vit"):
        entry("resnet")


def test_a_hostile_name_is_shown_short_and_nothing_more() -> None:
    with pytest.raises(ModelError) as caught:
        entry("../../etc/passwd\n" + "x" * 10_000)
    assert len(str(caught.value)) < 200


def test_an_operator_adds_a_module() -> None:
    add_model("mine", linear, SMALL, ("no", "yes"))
    assert entry("mine").build()[1].out_features == 2


@pytest.mark.parametrize("name", ["", "digits-cnn", "mine"])
def test_a_name_is_given_once(name: str) -> None:
    add_model("mine", linear, SMALL, ("no", "yes"))
    with pytest.raises(ModelError, match="cannot be named"):
        add_model(name, linear, SMALL, ("no", "yes"))


@pytest.mark.parametrize("labels", [(), ("same", "same")])
def test_labels_must_tell_classes_apart(labels: tuple[str, ...]) -> None:
    with pytest.raises(ModelError, match="labels must be"):
        add_model("mine", linear, SMALL, labels)


def test_the_operators_file_may_use_the_package_as_readme_shows(tmp_path: Path) -> None:
    """In a process of its own, where looking at the catalog is the first that is done."""
    file = tmp_path / "operator.py"
    file.write_text(
        "import backend\n"
        "backend.add_model('theirs', lambda: None, backend.Preprocess(8, 8, 8, (0.0,), (1.0,)), ('a', 'b'))\n"
        "backend.add_language_model('their-words', lambda: (None, None))\n"
    )
    code = "from backend.models.catalog import any_entry; any_entry('theirs'); any_entry('their-words')"
    settings = os.environ | {"VITRINE_OPERATOR": str(file)}
    done = subprocess.run([sys.executable, "-c", code], env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1000:]


def test_the_operators_file_runs_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "operator.py"
    file.write_text(
        "from backend.data.frames import Preprocess\n"
        "from backend.models.catalog import add_model\n"
        "add_model('theirs', lambda: None, Preprocess(8, 8, 8, (0.0,), (1.0,)), ('a', 'b'))\n"
    )
    monkeypatch.setenv("VITRINE_OPERATOR", str(file))
    assert entries()[-1].name == "theirs"
    assert len(entries()) == 4


def test_a_failing_operators_file_is_named_and_adds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "operator.py"
    file.write_text(
        "from backend.data.frames import Preprocess\n"
        "from backend.models.catalog import add_model\n"
        "add_model('theirs', lambda: None, Preprocess(8, 8, 8, (0.0,), (1.0,)), ('a', 'b'))\n"
        "raise KeyError('no weights')\n"
    )
    monkeypatch.setenv("VITRINE_OPERATOR", str(file))
    for _ in range(2):
        with pytest.raises(ModelError, match=r"operator\.py failed: KeyError: 'no weights'"):
            entries()
    monkeypatch.delenv("VITRINE_OPERATOR")
    assert len(entries()) == 3
