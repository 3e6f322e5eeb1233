"""Set-up of the live figure: copies Plotly's JavaScript from its wheel and installs the component's distribution."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

from components.live_figure.figure import BUNDLE

FOLDER = Path(__file__).resolve().parent
DISTRIBUTION = "vitrine-figure"


def bundled() -> Path:
    """Plotly's JavaScript inside the installed wheel. Raises FileNotFoundError where plotly is not installed."""
    spec = importlib.util.find_spec("plotly")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("plotly is not installed here; run `make run`, which installs requirements.txt.")
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"


def copy_bundle() -> bool:
    """Bring the bundle beside figure.js; returns whether anything was copied."""
    source = bundled()
    if BUNDLE.exists() and (BUNDLE.stat().st_size, BUNDLE.stat().st_mtime) == (source.stat().st_size, source.stat().st_mtime):
        return False
    shutil.copy2(source, BUNDLE)
    return True


def installed() -> bool:
    """Whether this very folder is installed in the running environment."""
    try:
        origin = importlib.metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return False
    return origin is not None and json.loads(origin)["url"] == FOLDER.as_uri()


def install() -> None:
    """Do what is missing, and nothing where all is in place. Raises CalledProcessError where pip fails."""
    copied = copy_bundle()
    fresh = not installed()
    if fresh:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        offline = ["--no-deps", "--no-index", "--no-build-isolation"]
        subprocess.run([*pip, *offline, "--editable", str(FOLDER)], check=True)
    print("live figure: installed" if copied or fresh else "live figure: in place")


if __name__ == "__main__":
    install()
