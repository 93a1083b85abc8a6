# The two commands a reader needs: `make book` and `make test`.
# Everything lives in .venv; nothing outside this folder is touched.
# uv is used where it is installed, pip otherwise; both read the same lock.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(shell command -v uv 2>/dev/null)

# One thread for each BLAS and OpenMP pool: sums come out the same on every machine, and the
# processes that pytest and joblib start do not fight over the cores.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1

.PHONY: help env book test lint reproduce scorecard picture lock clean

help:
	@echo "make book       environment, every chapter executed, the book built (strict): _build/html/index.html"
	@echo "make test       lint, types, doctests, unit tests, every chapter as a test"
	@echo "make reproduce  the papers' experiments at full size (hours; resumes where it stopped)"
	@echo "make scorecard  the verdict on every claim of the three papers"
	@echo "make picture    draw the README's picture again, after new results"
	@echo "make env        only the environment (.venv)"
	@echo "make clean      delete the built book and the caches (keeps .venv)"

env: $(VENV)/.stamp

# The stamp is written last: an install that was interrupted is repeated.
$(VENV)/.stamp: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "fairclust needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
ifneq ($(UV),)
	$(UV) venv --quiet --clear --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV)
	$(UV) pip install --quiet --python $(BIN)/python -r requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
else
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
endif
	@touch $@

book: env
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/jupyter-book build . --all -W -n --keep-going
	@echo "The book: _build/html/index.html"

test: env lint
	$(BIN)/python -m pytest

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

reproduce: env
	$(BIN)/fairclust reproduce all

scorecard: env
	$(BIN)/fairclust scorecard

# For maintainers: resolve again for every supported Python and platform. Names and versions only.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --extra test --no-header --no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.lock

clean:
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis

picture: env
	$(BIN)/python book/draw_result.py
