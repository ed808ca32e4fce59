# Everything a newcomer needs; each target sets up what it needs by itself.
# Without make: see "Without make" in README.md.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTHON ?= python3
PACKAGES := district transport edge collector rules alerting console tocsin

.PHONY: demo test soak check bench schemas clean

demo: $(STAMP)  ## Replay a real flash flood to delivered warnings (about two and a half minutes).
	$(BIN)/tocsin demo --until-end

test: $(STAMP)  ## Run all tests.
	$(BIN)/pytest -n 6 --dist loadgroup

soak: $(STAMP)  ## Run the tests with their full counts of kills and fuzzed inputs.
	TOCSIN_SOAK=1 $(BIN)/pytest -n 6 --dist loadgroup --timeout 3600

check: $(STAMP)  ## Lint, types, layering, fresh schemas.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/tocsin check
	$(BIN)/tocsin schema $(VENV)/schemas > /dev/null && diff -r $(VENV)/schemas schemas \
	    || { echo "schemas/ is stale: run 'make schemas' and commit"; exit 1; }

schemas: $(STAMP)  ## Write the JSON Schemas that editors use.
	$(BIN)/tocsin schema schemas

bench: $(STAMP)  ## Measure against peers and physical limits; results in bench/results.
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) state run build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(STAMP): pyproject.toml firmware-sim/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "Tocsin needs Python 3.11 or later; on Debian 12: apt install python3"; exit 1; }
	@if command -v uv > /dev/null; then \
	    uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) && \
	    uv pip install --quiet --python $(BIN)/python -e '.[edge,hub,influx,dev]' -e ./firmware-sim; \
	else \
	    $(PYTHON) -m venv $(VENV) 2> /dev/null \
	        || { echo "Python's venv module is missing; on Debian: apt install python3-venv"; rm -rf $(VENV); exit 1; }; \
	    $(BIN)/pip install --quiet --disable-pip-version-check -e '.[edge,hub,influx,dev]' -e ./firmware-sim; \
	fi
	@touch $@
