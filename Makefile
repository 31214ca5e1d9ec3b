# make run · make test · make test-faults · make test-compose · make check · make bench (bench-mesh, bench-actors) · make sweep revisions · make docs    (PLAIT_VENV chooses another folder than .venv)
VENV ?= $(or $(PLAIT_VENV),.venv)
PYTHON ?= python3
BIN := $(VENV)/bin

.PHONY: run test test-faults test-compose check bench bench-mesh bench-actors bench-scale bench-policy bench-peers bench-reliability
.PHONY: bench-balancing sweep revisions docs clean
run: $(VENV)/.run
	@exec $(BIN)/plait up

test: $(VENV)/.dev
	$(BIN)/pytest -q

test-faults: $(VENV)/.dev
	$(BIN)/pytest -q -m faults tests/faults

test-compose: $(VENV)/.dev
	PLAIT_TEST_COMPOSE=1 $(BIN)/pytest -q -rs tests/compose

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

bench: bench-mesh bench-actors bench-policy bench-balancing

bench-mesh: $(VENV)/.dev
	$(BIN)/python -m tests.bench

bench-actors: $(VENV)/.bench
	$(BIN)/python -m tests.bench.actors
	$(BIN)/python -m tests.bench.remote
	$(BIN)/python -m tests.bench.hour

bench-policy: $(VENV)/.dev
	$(BIN)/python -m tests.bench.policy

bench-balancing: $(VENV)/.dev
	$(BIN)/python -m tests.bench.balancing

bench-peers: $(VENV)/.bench
	$(BIN)/python -m tests.bench.skew
	$(BIN)/python -m tests.bench.recover

bench-reliability: $(VENV)/.dev
	$(BIN)/python -m tests.bench.reliability
	$(BIN)/python -m tests.bench.cluster
	$(BIN)/python -m tests.bench.faults
	$(BIN)/python -m tests.bench.discovery
	$(BIN)/python -m tests.bench.roll
	$(BIN)/python -m tests.bench.storm
	$(BIN)/python -m tests.bench.outage
	$(BIN)/python -m tests.bench.outlier

bench-scale: $(VENV)/.dev
	$(BIN)/python -m tests.bench.scale

SEEDS ?= 1000
FIRST ?= 0
PLANT ?=
sweep: $(VENV)/.dev
	$(BIN)/python -m tests.testing.sweep --seeds $(SEEDS) --first $(FIRST) --plant "$(PLANT)"

REVISIONS ?= 1000
revisions: $(VENV)/.dev
	$(BIN)/pytest -q -s tests/integration/test_policy_stream.py --revisions $(REVISIONS)

docs: $(VENV)/.dev
	$(BIN)/python -c 'from plait.actors.policy.support import support_table; print(support_table(), end="")' >docs/support.md.new
	@mv docs/support.md.new docs/support.md
	$(BIN)/python -c 'from plait.actors.policy.code import codes_table; print(codes_table(), end="")' >docs/codes/README.md.new
	@mv docs/codes/README.md.new docs/codes/README.md

$(VENV)/.run: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e .
	@touch $@

$(VENV)/.dev: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.run

$(VENV)/.bench: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev,bench]'
	@touch $@ $(VENV)/.dev $(VENV)/.run

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache
