"""Vitrine without a browser: list methods, run them, stream them and check their results.

    import backend
    result = backend.run("integrated_gradients", model="efficientnet-lite0", sample="cat.png", target=285, steps=64)
    result.heatmap                                  # float32 (H, W), signed
    finding = backend.check("insertion_deletion", result)

Importing this leaves torch unimported; the first run loads it.
"""

from backend.data.frames import Preprocess
from backend.headless import ask, check, methods, prediction, run, stream
from backend.models.catalog import add_model

__all__ = ["Preprocess", "add_model", "ask", "check", "methods", "prediction", "run", "stream"]
