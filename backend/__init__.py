"""Vitrine without a browser: list methods, run them, stream them and check their results.

    import backend
    result = backend.run("integrated_gradients", model="efficientnet-lite0", sample="cat", target=285, steps=64)
    result.heatmap                                  # float32 (H, W), signed
    finding = backend.check("insertion_deletion", result)

Importing this leaves torch unimported; the first run loads it.
"""

import os

# Threads that spin at every barrier starve when anything else, a browser say, wants a core; read when torch is first loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from backend.data.frames import Preprocess
from backend.headless import ask, check, methods, prediction, run, stream
from backend.models.catalog import add_language_model, add_model

__all__ = ["Preprocess", "add_language_model", "add_model", "ask", "check", "methods", "prediction", "run", "stream"]
