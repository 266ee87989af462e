# Two commands for a newcomer: make demo, make test. `make help` lists the rest.

SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CLUSTER := $(BIN)/python hack/cluster
DEMO_CLUSTER := wandbsweep-demo
TEST_CLUSTER := wandbsweep-test
PYTEST_ARGS ?=
BENCH_ARGS ?=
EXAMPLES ?= 5000

.PHONY: help demo demo-down kubeconfig image-load test lint types unit fuzz explore integration e2e e2e-cluster test-down bench \
	bench-search images plots crds verify lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/.installed: requirements/dev.lock pyproject.toml hack/venv.sh
	@PYTHON=$(PYTHON) hack/venv.sh $(VENV)

## For a newcomer

demo: $(VENV)/.installed ## Run a sweep on a cluster of its own, from nothing to trained policies
	@$(BIN)/python hack/demo up --cluster $(DEMO_CLUSTER)

demo-down: $(VENV)/.installed ## Remove the demo's cluster and all that belongs to it
	@$(BIN)/python hack/demo down --cluster $(DEMO_CLUSTER)

test: lint types unit integration e2e ## Everything that has to pass: lint, types, unit, integration and e2e tests

## For a look at the demo

kubeconfig: $(VENV)/.installed ## Print the path of the demo cluster's kubeconfig
	@$(CLUSTER) kubeconfig --name $(DEMO_CLUSTER)

image-load: $(VENV)/.installed ## Put a locally built image into the demo's cluster: make image-load IMAGE=name:tag or IMAGE=file.tar
	@test -n "$(IMAGE)" || { echo "error: say which image: make image-load IMAGE=name:tag (or IMAGE=file.tar)" >&2; exit 2; }
	@hack/image-load.sh $(DEMO_CLUSTER) "$(IMAGE)"

## For people who work here

lint: $(VENV)/.installed ## Style, imports between rooms, and what must not be in the repository
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache

types: $(VENV)/.installed ## mypy, strict
	@$(BIN)/mypy

unit: $(VENV)/.installed ## Tests without Kubernetes (the embedded server and real processes included)
	@$(BIN)/pytest tests/unit tests/fuzz -n auto $(PYTEST_ARGS)

fuzz: $(VENV)/.installed ## Send the server, the operator's reading and the trial launcher what nobody would write: make fuzz EXAMPLES=20000
	@FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/pytest tests/fuzz -n auto --timeout 0 $(PYTEST_ARGS)

explore: $(VENV)/.installed ## Property-based tests with new examples each time; `make unit` repeats the same ones
	@$(BIN)/pytest tests/unit -n auto -m hypothesis --hypothesis-profile=explore $(PYTEST_ARGS)

integration: $(VENV)/.installed ## Tests of the operator against a real API server (no root needed)
	@$(CLUSTER) binaries
	@$(CLUSTER) kueue
	@$(BIN)/pytest tests/integration -n auto --dist worksteal $(PYTEST_ARGS)

e2e-cluster: $(VENV)/.installed
	@$(CLUSTER) up --name $(TEST_CLUSTER) --gpus 8
	@archives=$$($(BIN)/python hack/images build | cut -d ' ' -f 3-) && $(CLUSTER) load --name $(TEST_CLUSTER) $$archives

e2e: e2e-cluster ## Tests of the chart and the images on a one-node cluster, which is removed afterwards
	@status=0; WANDBSWEEP_E2E_CLUSTER=$(TEST_CLUSTER) $(BIN)/pytest tests/e2e -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS) || status=$$?; \
	if [ -z "$(KEEP)" ]; then $(CLUSTER) down --name $(TEST_CLUSTER); fi; exit $$status

test-down: $(VENV)/.installed ## Remove the cluster of the e2e tests, if KEEP=1 left it
	@$(CLUSTER) down --name $(TEST_CLUSTER)

bench: $(VENV)/.installed ## What definitions, trials and the operator cost, printed
	@$(CLUSTER) binaries
	@$(BIN)/python tests/bench

bench-search: $(VENV)/.installed ## What Protein finds against other engines, printed; BENCH_ARGS="--trials 20 --seeds 2" for a quick look
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python tests/bench/search $(BENCH_ARGS)

images: $(VENV)/.installed ## Build the images
	@$(BIN)/python hack/images build

plots: $(VENV)/.installed ## Draw the pictures of docs/search anew
	@$(BIN)/python hack/plots docs/search

crds: $(VENV)/.installed ## Generate the CRD, its copy in the chart, and the reference pages
	@$(BIN)/python -m wandbsweep.api.reference .
	@$(BIN)/python -m wandbsweep.agent.reference_pages docs
	@$(BIN)/python -m wandbsweep.sweep.rules_page docs
	@$(BIN)/python hack/chart/sync.py

verify: crds ## Fail if a generated file is stale
	@git diff --exit-code -- crds charts docs

LOCK := $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header
LOCK_IMAGE := $(LOCK) --python-version 3.11 --python-platform x86_64-unknown-linux-gnu -c requirements/dev.lock

lock: $(VENV)/.installed ## Resolve the dependencies anew
	@$(LOCK) --universal --python-version 3.11 --extra dev pyproject.toml --output-file requirements/dev.lock
	@$(LOCK_IMAGE) --extra operator --extra server pyproject.toml --output-file requirements/operator-image.lock
	@$(LOCK_IMAGE) images/trainer-cpu/requirements.in --output-file requirements/trainer-image.lock

clean: ## Remove what builds and tests left in this folder
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
