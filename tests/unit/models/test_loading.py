"""Loading: a model ready to be asked, or a message that names what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image as Picture
from skimage import data
from torch import Tensor, nn

from backend.data.frames import Preprocess, frame, normalise
from backend.methods.question import ModelRef
from backend.models import catalog
from backend.models.card import FORWARD, GRADIENTS, SPATIAL_LAYERS, UNITS
from backend.models.catalog import ModelError, add_model
from backend.models.loaded import ImageModel
from backend.models.loading import load, unfolded

SMALL = Preprocess(8, 8, 8, mean=(0.0,), std=(255.0,))


@pytest.fixture(autouse=True)
def _no_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VITRINE_OPERATOR", raising=False)
    monkeypatch.setattr(catalog, "_operator", catalog._Operator())


@pytest.fixture(scope="module")
def lite0() -> ImageModel:
    return load(ModelRef("efficientnet-lite0"))


def linear(classes: int = 2) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, classes))


def offered(factory: Callable[[], object], labels: tuple[str, ...] = ("no", "yes")) -> ModelRef:
    add_model("mine", factory, SMALL, labels)
    return ModelRef("mine")


def test_lite0_says_what_it_is(lite0: ImageModel) -> None:
    assert lite0.card.parameters == 4_652_008
    assert len(lite0.card.revision) == 12
    assert lite0.card.capabilities == {FORWARD, GRADIENTS, SPATIAL_LAYERS, UNITS}
    assert lite0.memory_format is torch.channels_last
    assert not lite0.module.training
    assert not [p for p in lite0.module.parameters() if p.requires_grad]


def test_lite0_sees_cats_in_a_photo_of_a_cat(lite0: ImageModel) -> None:
    photo = frame(Picture.fromarray(data.chelsea()), lite0.card.preprocess)
    batch = torch.from_numpy(normalise(photo, lite0.card.preprocess))[None]
    with torch.inference_mode():
        best = lite0.module(batch)[0].topk(3).indices
    assert {lite0.card.labels[i] for i in best} == {"tiger cat", "Egyptian cat", "tabby"}


@pytest.mark.parametrize("name", ["efficientnet-lite0", "digits-cnn", "digits-vit"])
def test_the_catalog_counts_parameters_as_loading_does(name: str) -> None:
    assert load(ModelRef(name)).card.parameters == catalog.entry(name).parameters


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_a_model_computes_in_the_type_asked_for(dtype: str) -> None:
    model = load(ModelRef("digits-cnn", dtype=dtype))
    assert model.module(torch.zeros(1, 1, 8, 8, dtype=model.dtype)).dtype is getattr(torch, dtype)


def test_float64_weights_are_folded_without_rounding_to_float32() -> None:
    model = load(ModelRef("digits-cnn", dtype="float64"))
    raw = unfolded("digits-cnn").double()
    batch = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(model.module(batch), raw(batch), rtol=1e-12, atol=1e-12)


def test_the_revision_is_that_of_the_weights() -> None:
    assert load(ModelRef("digits-cnn")).card.revision == load(ModelRef("digits-cnn", dtype="float64")).card.revision
    assert load(ModelRef("digits-cnn")).card.revision != load(ModelRef("digits-vit")).card.revision


def test_another_revision_than_the_one_here_is_refused() -> None:
    here = load(ModelRef("digits-cnn")).card.revision
    assert load(ModelRef("digits-cnn", revision=here)).card.revision == here
    with pytest.raises(ModelError, match=f"revision 000000000000 is not on this machine, {here} is"):
        load(ModelRef("digits-cnn", revision="000000000000"))


def test_an_operators_module_loads_without_layers() -> None:
    model = load(offered(linear))
    assert model.card.capabilities == {FORWARD, GRADIENTS}
    assert model.layers == {}


def test_a_module_whose_output_has_no_gradient_offers_none() -> None:
    class Counts(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            dark = (x < 0).float().mean(dim=(1, 2, 3))
            return torch.stack([dark, 1 - dark], dim=1)

    assert load(offered(Counts)).card.capabilities == {FORWARD}


def test_activations_stop_writing_over_what_was_read_before_them() -> None:
    def factory() -> nn.Module:
        return nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(72, 2))

    model = load(offered(factory))
    assert model.card.capabilities == {FORWARD, GRADIENTS, SPATIAL_LAYERS, UNITS}
    assert list(model.layers) == ["0", "1", "2"]


def test_a_module_that_counts_on_writing_in_place_keeps_its_logits() -> None:
    class InPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = nn.ReLU(inplace=True)
            self.rest = linear()

        def forward(self, x: Tensor) -> Tensor:
            x = x * 2
            self.act(x)
            return self.rest(x)

    module = InPlace().eval()
    batch = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(load(offered(lambda: module)).module(batch), module(batch))


def test_the_operators_own_object_is_not_changed() -> None:
    module = linear().train()
    load(offered(lambda: module))
    load(ModelRef("mine", dtype="float64"))
    assert module.training
    assert all(p.requires_grad and p.dtype is torch.float32 for p in module.parameters())


def test_labels_and_logits_must_agree() -> None:
    with pytest.raises(ModelError, match=r"logits of shape \(1, 3\); its 2 labels need \(1, 2\)"):
        load(offered(lambda: linear(3)))


def test_weights_that_are_no_numbers_are_counted() -> None:
    module = linear()
    nn.init.constant_(module[1].bias, float("nan"))
    with pytest.raises(ModelError, match=r"2 of 2 weights in 1\.bias are not finite"):
        load(offered(lambda: module))


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (lambda: 3, "gave a int, not an nn.Module"),
        (lambda: nn.Linear(5, 2), "does not take a batch of 1 × 1 × 8 × 8"),
        (lambda: {}["weights"], "could not be built: KeyError"),
        (lambda: nn.LSTM(8, 2), "does not take a batch|gives a tuple"),
        (lambda: nn.Conv2d(1, 2, 1), r"logits of shape \(1, 2, 8, 8\)"),
    ],
)
def test_what_is_no_classifier_is_refused(factory: Callable[[], object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load(offered(factory))


def test_missing_weights_say_how_to_bring_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path))
    with pytest.raises(ModelError, match=r"weights of efficientnet-lite0 are missing .*make run"):
        load(ModelRef("efficientnet-lite0"))


@pytest.mark.parametrize("device", ["cuda:99", "toaster", "../etc"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(ModelError, match="is not usable here"):
        load(ModelRef("digits-cnn"), device)
