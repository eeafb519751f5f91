PORT ?= 8000
DUESBOOK_DATA ?= .duesbook
BIN := .venv/bin
LOCK := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links

export FLASK_APP := wsgi
export DUESBOOK_DATA
unexport PYTHONDONTWRITEBYTECODE  # or everything is compiled anew at each of the many starts of a run

.PHONY: setup demo test check bench cases screenshots soak lock clean

setup:  ## the environment and the system libraries, nothing when they are there
	@.ci/setup

demo: setup  ## a whole organization with two years of history, at http://localhost:$(PORT)
	@$(BIN)/flask duesbook up --demo --port $(PORT)

test:  ## the whole suite, on servers of its own
	@.ci/setup --tests
	$(BIN)/pytest -n auto

check:  ## format, lint, types, import rules, templates, and that the migrations say what the models say
	@.ci/setup --tests
	@.ci/check

bench: setup  ## the benchmarks, each one RATIO line and a table
	@$(BIN)/python -m benchmarks

cases:  ## which case, fault and attack of the plan is tested where
	@.ci/setup --tests
	@$(BIN)/python -m tests.cases

screenshots:  ## the pictures of docs/screenshots/, from the demo organization
	@.ci/setup --tests
	@$(BIN)/python -m tests.browser.screenshots

soak:  ## ten minutes of everything at random, and what takes too long for every run
	@.ci/setup --tests
	$(BIN)/pytest -n 0 -m soak

lock:  ## pins every dependency anew
	@.ci/setup --tests
	$(LOCK) --upgrade --output-file requirements.lock pyproject.toml
	$(LOCK) --upgrade --all-extras --constraint requirements.lock --output-file requirements-test.lock pyproject.toml
	sed -i "s/^chosen-on = .*/chosen-on = $$(date -u +%F)/" pyproject.toml

clean:  ## everything that can be made again; the data folder stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
