"""The journal of a search: what was answered is remembered, what was cut off is not, and strangers are refused."""

import numpy as np
import pytest

from fairclust.antidote.journal import Journal

QUESTIONS = [np.full((1, 2), float(i)) for i in range(5)]


def write(path, n, problem="p"):
    with Journal(path, problem) as journal:
        for i in range(n):
            assert journal.recall(QUESTIONS[i]) is None
            journal.note(QUESTIONS[i], 0.1 * i)


def test_answers_come_back_to_the_last_bit(tmp_path):
    path = tmp_path / "journal"
    write(path, 3)
    with Journal(path, "p") as journal:
        recalled = [journal.recall(q) for q in QUESTIONS[:4]]
        assert [r[0] for r in recalled[:3]] == [0.0, 0.1, 0.2]
        assert recalled[3] is None
        assert journal.n_replayed == 3
        seconds = journal.note(QUESTIONS[3], np.inf)
        # Time goes on where it stopped.
        assert seconds >= recalled[2][1] >= recalled[0][1] >= 0
    with Journal(path, "p") as journal:
        assert [journal.recall(q)[0] for q in QUESTIONS[:4]] == [0.0, 0.1, 0.2, np.inf]


def test_a_line_that_was_cut_off_is_written_anew(tmp_path):
    path = tmp_path / "journal"
    write(path, 3)
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    with Journal(path, "p") as journal:
        assert journal.recall(QUESTIONS[0]) is not None
        assert journal.recall(QUESTIONS[1]) is not None
        assert journal.recall(QUESTIONS[2]) is None
        journal.note(QUESTIONS[2], 0.2)
    assert [line.split()[:2] for line in path.read_text().splitlines()[1:]] == [
        line.split()[:2] for line in whole.decode().splitlines()[1:]
    ]
    path.write_bytes(whole[:10])  # killed while the first line was written
    write(path, 1)


def test_without_a_path_nothing_is_kept():
    with Journal(None, "") as journal:
        journal.note(QUESTIONS[0], 1.0)
        assert journal.recall(QUESTIONS[0]) is None


def test_strangers(tmp_path):
    path = tmp_path / "journal"
    write(path, 2)
    with pytest.raises(ValueError, match="is of another problem; delete it"):
        Journal(path, "q")
    with Journal(path, "p") as journal, pytest.raises(ValueError, match=r"another search.* at evaluation 1"):
        journal.recall(QUESTIONS[1])
    path.write_text("name,size\na,1\n")
    with pytest.raises(ValueError, match="no journal of an antidote search"):
        Journal(path, "p")
    assert path.read_text() == "name,size\na,1\n"
    write(other := tmp_path / "other", 2)
    lines = other.read_text().splitlines()
    other.write_text("\n".join([lines[0], "what?", lines[2], ""]))
    with pytest.raises(ValueError, match="line 2, cannot be read: 'what\\?'"):
        Journal(other, "p")
