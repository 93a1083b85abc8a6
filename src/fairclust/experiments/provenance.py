"""Where a table of results came from: code, data, versions, machine and time, as a file one can read and diff."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import joblib

import fairclust

__all__ = ["checkout", "dump", "environment", "git_state", "started"]

#: The packages whose version can change a number.
PACKAGES = ("numpy", "scipy", "scikit-learn", "numba", "highspy", "cvxpy", "zoopt", "networkx", "pandas")

#: Lists of small records that :func:`dump` writes one record a line.
RECORDS = ("cells", "not_run")


def checkout() -> Path | None:
    """The folder of the project that this package was imported from, or None for an installed copy."""
    root = Path(fairclust.__file__).resolve().parents[2]
    return root if (root / "pyproject.toml").is_file() and (root / "src" / "fairclust").is_dir() else None


def environment() -> dict[str, Any]:
    """The versions and the machine; no host name, no user, no path.

    Examples
    --------
    >>> sorted(environment())
    ['fairclust', 'machine', 'python', 'versions']
    """
    return {
        "fairclust": fairclust.__version__,
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "machine": {
            "system": platform.system(),
            "architecture": platform.machine(),
            "processor": _processor(),
            "cores": joblib.cpu_count(),
        },
    }


def git_state() -> dict[str, Any] | None:
    """The commit of the checkout and whether files other than results differ from it; None without git."""
    root = checkout()
    if root is None or not (root / ".git").exists():
        return None
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return None
    # The results themselves are left out: writing the first table must not make the second one "dirty".
    changed = _git(root, "status", "--porcelain", "--", ".", ":(exclude)book/results")
    return {"commit": commit, "dirty": None if changed is None else bool(changed)}


def started() -> str:
    """The time, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def dump(provenance: dict[str, Any]) -> bytes:
    """JSON with sorted keys and one cell a line, so that a diff shows which cell changed."""
    fields = []
    for name in sorted(provenance):
        value = provenance[name]
        if name in RECORDS and value:
            lines = ",\n".join(f"    {json.dumps(item, sort_keys=True, ensure_ascii=False)}" for item in value)
            text = f"[\n{lines}\n  ]"
        else:
            text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False).replace("\n", "\n  ")
        fields.append(f"  {json.dumps(name)}: {text}")
    return ("{\n" + ",\n".join(fields) + "\n}\n").encode()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str | None:
    if sys.platform == "linux":
        try:
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
        except OSError:
            pass
    return platform.processor() or None


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
