# Each target sets itself up into .venv from nothing but Python 3 with pip; the second time is quick.
UV := .tools/bin/uv
PY := .venv/bin/python
FOCUS := .tools/focus-validator/bin/focus-validator
# One more than the two processors of the rule: many tests wait for processes that they started.
WORKERS ?= 3
export UV_PROJECT_ENVIRONMENT := .venv
# Many container images set it, and then each of the hundreds of processes of the tests compiles all libraries anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test check bench campaign thousand hunt format lock setup

demo: setup
	.venv/bin/penstock demo

test: setup $(FOCUS)
	$(PY) -m pytest -n $(WORKERS) --dist worksteal -q

check: setup
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/ty check src
	.venv/bin/ty check tests benchmarks --ignore all --error missing-module-member --error unresolved-reference \
		--error unknown-argument --error missing-argument --error too-many-positional-arguments
	.venv/bin/lint-imports --no-cache

bench: setup
	$(PY) -m benchmarks

campaign: setup
	$(PY) -m tests.sim.campaign
	PENSTOCK_WEEK=1 $(PY) -m pytest -n 2 -q tests/sim/test_week.py

thousand: setup
	PENSTOCK_CONTRACT_ATTEMPTS=1000 $(PY) -m pytest -n 0 -q tests/contract/test_engine.py \
		tests/contract/test_local_engine.py -k "many and not slurm and not ray" --durations 0

hunt: setup
	PENSTOCK_HUNT=1 $(PY) -m pytest -n 2 -q tests/property

format: setup
	.venv/bin/ruff format
	.venv/bin/ruff check --fix

setup: .venv/.ready

lock: $(UV)
	$(UV) pip compile --quiet --universal --generate-hashes --no-header --python-version 3.13 \
		--all-extras --group dev --output-file requirements.lock pyproject.toml

$(UV):
	python3 -m pip install --quiet --disable-pip-version-check --target .tools uv==0.13.9

# It asks for numpy below 2, which has no wheel for our Python; it runs with any. Where it cannot be had its test skips.
$(FOCUS): | setup $(UV)
	-$(UV) venv --quiet --allow-existing --python $(PY) .tools/focus-validator
	-echo 'numpy>=2' | $(UV) pip install --quiet --python .tools/focus-validator/bin/python \
		--override - focus-validator==2.2.1

.venv/.ready: requirements.lock pyproject.toml .python-version | $(UV)
	$(UV) venv --quiet --allow-existing --python "$$(cat .python-version)" .venv
	$(UV) pip sync --quiet --python $(PY) --require-hashes requirements.lock
	$(UV) pip install --quiet --python $(PY) --no-deps --editable .
	touch $@
