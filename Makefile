# Everything a newcomer needs: `make demo` and `make test`. Neither needs root, Docker or an account.
# The environment lives in .venv: made by uv where it is installed, else by venv and pip.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test test-postgres test-pull test-fast chaos lint format bench bench-scale docs docs-serve screenshots lock clean

help: ## Show this help.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMP) ## Watch an application reach three real clusters; KEEP=1 leaves it running.
	@$(BIN)/argosy demo

test: $(STAMP) ## Run every test, on real API servers and a real Temporal.
	@$(BIN)/python -m tests

test-postgres: $(STAMP) ## Run Temporal on PostgreSQL as deployed; needs PostgreSQL's server.
	@$(BIN)/python -m tests -m postgres tests/deploy

test-pull: $(STAMP) ## Run main job, health and failover with one member in pull mode.
	@ARGOSY_TEST_PULL=member2,lone,cdg $(BIN)/python -m tests tests/pull tests/cli/test_life.py \
		tests/cli/test_drift.py tests/crash/test_kill.py tests/health/test_flapping.py \
		tests/health/test_steered.py tests/failover \
		--deselect tests/cli/test_life.py::test_clusters_are_edited_and_refused

test-fast: $(STAMP) ## Run the tests that start no processes.
	@$(BIN)/python -m tests tests/unit tests/conformance tests/architecture

chaos: $(STAMP) ## Break parts at random, and check what members hold; SEED=, ROUNDS=10.
	@$(BIN)/python -m tests.chaos --rounds $(or $(ROUNDS),10) $(if $(SEED),--seed $(SEED))

lint: $(STAMP) ## Check format, style, types and layers.
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP) ## Format the code.
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(STAMP) ## Measure everything; see benchmarks/README.md.
	@$(BIN)/python -m benchmarks
	@$(BIN)/python -m benchmarks.failing --json benchmarks/results/failing.json
	@$(BIN)/python -m benchmarks.bench_evictions --json benchmarks/results/evictions.json
	@$(BIN)/python -m benchmarks.bench_scheduler
	@$(BIN)/python -m benchmarks.bench_render

# The theme's advertisement of its successor is no news to who builds this.
docs: $(STAMP) ## Build the documentation into site/; a page or link that is wrong fails it.
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "open site/index.html (searching needs a web server: make docs-serve)"

docs-serve: $(STAMP) ## Show the documentation at http://127.0.0.1:8000 while it is written.
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve --strict --watch argosy --watch README.md

screenshots: $(STAMP) ## Play the tutorial, and take its pictures anew; needs Chromium.
	@$(BIN)/python -m docs.making.screenshots

bench-scale: $(STAMP) ## Measure a thousand clusters and ten thousand propagations, and draw it; see benchmarks/README.md.
	@for what in fleet rest crash processes; do $(BIN)/python -m benchmarks.scale $$what >/dev/null || exit 1; done
	@$(BIN)/python -m benchmarks.scale.plots

lock: ## Pin every dependency anew, with hashes; needs uv.
	@uv pip compile pyproject.toml --group dev --extra build --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-header --quiet --no-emit-index-url -o requirements/dev.txt
	@uv pip compile pyproject.toml --universal --python-version 3.11 -c requirements/dev.txt \
		--generate-hashes --no-annotate --no-header --quiet --no-emit-index-url -o requirements/run.txt
	@uv pip compile --group build --universal --python-version 3.11 -c requirements/dev.txt \
		--generate-hashes --no-annotate --no-header --quiet --no-emit-index-url -o requirements/build.txt

clean: ## Delete the environment and caches.
	@rm -rf $(VENV) build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(STAMP): pyproject.toml requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Argosy needs Python 3.11 or newer; set PYTHON=/path/to/it")'
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) && \
		uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/dev.txt && \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
		$(PYTHON) -m venv $(VENV) && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	fi
	@touch $(STAMP)
