from __future__ import annotations

import json
import math
import os
import stat
import time
from pathlib import Path

import pytest

from fairclust.experiments import store
from fairclust.experiments.store import Cell, atomic_write, canonical, cell_key, load_cell, save_cell, sweep

ROWS = [{"z": 0.1, "a": None, "m": math.inf, "s": "é\n"}, {"z": 1e-300, "a": 2, "m": -0.0, "s": ""}]


def test_a_kept_cell_comes_back_as_it_was_columns_in_order(tmp_path: Path) -> None:
    path = tmp_path / "cells" / "x.json"
    save_cell(path, "key", Cell(ROWS, 1.5))
    found = load_cell(path, "key")
    assert found is not None
    assert found == Cell(ROWS, 1.5)
    assert [list(row) for row in found.rows] == [list(row) for row in ROWS]
    assert load_cell(path, "another key") is None
    assert load_cell(tmp_path / "none.json", "key") is None


def test_any_damage_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    save_cell(path, "key", Cell([{"a": 1, "b": 0.25}], 1.5))
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        assert load_cell(path, "key") is None, size
    for old, new in ((b'"a": 1', b'"a": 2'), (b"0.25", b"0.26"), (b"1.5", b"1.6"), (b'"rows"', b'"rowz"')):
        assert old in whole
        path.write_bytes(whole.replace(old, new))
        assert load_cell(path, "key") is None
    for text in (b"", b"null", b"[]", b"{}", b'{"payload": 1, "checksum": "x"}', b"\xff\xfe"):
        path.write_bytes(text)
        assert load_cell(path, "key") is None
    path.write_bytes(whole)
    assert load_cell(path, "key") is not None


def test_key_depends_on_everything_and_not_on_the_order_of_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {
        cell_key("e", {"a": 1, "b": 2}, {"adult": "x"}, "code"),
        cell_key("f", {"a": 1, "b": 2}, {"adult": "x"}, "code"),
        cell_key("e", {"a": 1, "b": 3}, {"adult": "x"}, "code"),
        cell_key("e", {"a": 1, "b": 2.0}, {"adult": "x"}, "code"),
        cell_key("e", {"a": 1, "b": 2}, {"adult": "y"}, "code"),
        cell_key("e", {"a": 1, "b": 2}, {}, "code"),
        cell_key("e", {"a": 1, "b": 2}, {"adult": "x"}, "doce"),
    }
    assert len(keys) == 7
    assert cell_key("e", {"b": 2, "a": 1}, {"adult": "x"}, "code") in keys
    monkeypatch.setattr(store, "FORMAT", 99)
    assert cell_key("e", {"a": 1, "b": 2}, {"adult": "x"}, "code") not in keys


def test_atomic_write_replaces_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep" / "file.csv"
    atomic_write(path, b"one")
    atomic_write(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["file.csv"]

    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="disk full"):
        atomic_write(path, b"three")
    assert path.read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["file.csv"]


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_atomic_write_makes_files_others_may_read(tmp_path: Path) -> None:
    plain, atomic = tmp_path / "plain", tmp_path / "atomic"
    plain.write_bytes(b"x")
    atomic_write(atomic, b"x")
    assert stat.S_IMODE(atomic.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_sweep_deletes_only_old_leftovers(tmp_path: Path) -> None:
    old, young, cell = tmp_path / ".a.json.1.tmp", tmp_path / ".b.json.2.tmp", tmp_path / "c.json"
    for path in (old, young, cell):
        path.write_text("x")
    os.utime(old, (time.time() - 7200,) * 2)
    os.utime(cell, (time.time() - 7200,) * 2)
    sweep(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [young.name, cell.name]
    sweep(tmp_path / "nowhere")


def test_canonical_text_is_json_and_exact() -> None:
    value = {"b": [0.1, 1e300, None, True], "a": {"y": "é", "x": 1}}
    assert json.loads(canonical(value)) == value
    assert canonical(value) == '{"a":{"x":1,"y":"é"},"b":[0.1,1e+300,null,true]}'
