"""Sphinx extension: a stored output is shown only while everything it was computed from is unchanged.

The execution cache of MyST-NB keys on the text of a chapter's cells. It does not see that a formula in ``src/`` has
changed, and would go on showing yesterday's numbers. Here the cache lives in a folder that is named after a
fingerprint of everything else the outputs depend on, so a change anywhere starts an empty cache. The fingerprint is
also a configuration value of Sphinx, so that a change makes it read every page again.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
from collections.abc import Iterator
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

PACKAGE = "fairclust"

#: Folders, from the top of the checkout, that chapters read or import.
WATCHED = ("src", "book/results")

#: Environment variables that change what a chapter computes (where data lie, how sums are split).
VARIABLES = ("FAIRCLUST_DATA", "OMP_NUM_THREADS")

#: How many fingerprints keep their outputs, so that switching between two branches runs each chapter once.
KEPT_CACHES = 4


def watched_files(root: Path) -> Iterator[tuple[str, Path]]:
    """Every file that a chapter's outputs depend on, as (stable name, path), in a stable order."""
    folders = [root / folder for folder in WATCHED]
    spec = util.find_spec(PACKAGE)
    if spec is not None and spec.origin is not None:
        # The kernel imports the installed package. It is the checkout's src/ unless someone installed a copy.
        installed = Path(spec.origin).resolve().parent
        if not installed.is_relative_to((root / "src").resolve()):
            folders.append(installed)
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and ".egg-info" not in str(path.parent):
                yield f"{folder.name}/{path.relative_to(folder).as_posix()}", path


def versions() -> dict[str, str]:
    """The versions of Python and of every package that the library declares it runs on."""
    found = {"python": platform.python_version()}
    for requirement in metadata.requires(PACKAGE) or []:
        if "extra ==" in requirement:
            continue
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


def fingerprint(root: Path) -> str:
    """Sixteen hexadecimal digits that change when a watched file, a version or a variable does."""
    digest = hashlib.sha256()

    def add(*fields: str) -> None:
        for field in fields:
            # Lengths keep ("ab", "c") apart from ("a", "bc").
            digest.update(f"{len(field)}:{field};".encode())

    for name, path in watched_files(root):
        add("file", name, hashlib.sha256(path.read_bytes()).hexdigest())
    for name, version in sorted(versions().items()):
        add("version", name, version)
    for variable in VARIABLES:
        add("variable", variable, os.environ.get(variable, ""))
    return digest.hexdigest()[:16]


def use_fresh_cache(app: Sphinx, config: Config) -> None:
    """Point the execution cache at the folder of the current fingerprint and forget the oldest ones."""
    config.fairclust_fingerprint = fingerprint(Path(app.srcdir))
    caches = Path(app.outdir).parent / ".jupyter_cache"
    current = caches / config.fairclust_fingerprint
    current.mkdir(parents=True, exist_ok=True)
    os.utime(current)
    config.nb_execution_cache_path = str(current)
    folders = sorted((path for path in caches.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for path in folders[:-KEPT_CACHES]:
        shutil.rmtree(path, ignore_errors=True)


def prepare_kernels(app: Sphinx) -> None:
    """Give kernels a profile of their own, so that the reader's IPython settings and start-up files stay out."""
    profile = Path(app.outdir).parent / ".ipython" / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    # Level 40: kernels announce on every start that they talk over an unencrypted local socket.
    settings = "c = get_config()\nc.HistoryManager.enabled = False\nc.IPKernelApp.log_level = 40\n"
    (profile / "ipython_kernel_config.py").write_text(settings, encoding="utf-8")
    os.environ["IPYTHONDIR"] = str(profile.parent)


def build_font_cache(app: Sphinx) -> None:
    """Let matplotlib look for fonts now: the first time it does, it says so, and in a chapter that is an output."""
    import matplotlib.font_manager  # noqa: F401


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    # Kernels inherit these. One thread: the same sums in the same order on every machine, and half the time.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    app.add_config_value("fairclust_fingerprint", "", "env", types=(str,))
    app.connect("config-inited", use_fresh_cache)
    app.connect("builder-inited", prepare_kernels)
    app.connect("builder-inited", build_font_cache)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
