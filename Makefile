# `make up` starts everything, `make test` tests everything; both set up what they need.
.PHONY: help up test e2e e2e-docker check bench bench-kubernetes screenshots clean venv venv-dev
.DEFAULT_GOAL := help
VENV := .venv/bin
ARGS ?=
# The first Python that is new enough; empty when there is none.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

help:
	@echo "make up           start the portal (Ctrl-C stops it)"
	@echo "make test         run all tests; some of them: make test ARGS=\"tests/jobs -k intake\""
	@echo "make e2e          run the tests that need a Kubernetes cluster"
	@echo "make e2e-docker   build the image and run the containers for real, with a job on a Kubernetes cluster"
	@echo "make check        lint, types, templates, imports, migrations"
	@echo "make bench        measure, print a table, write bench-results/"
	@echo "make bench-kubernetes  the same on a Kubernetes cluster, beside a bare client"
	@echo "make screenshots  make the README's pictures anew"
	@echo "make clean        remove the virtual environment and caches; your data stays"

up: venv
	@exec $(VENV)/python manage.py up

test: venv-dev
	@$(VENV)/python -m pytest $(ARGS)

e2e: venv-dev
	@$(VENV)/python -m pytest --kubernetes tests/kubernetes $(ARGS)

e2e-docker: venv-dev
	@$(VENV)/python -m pytest --docker --kubernetes tests/docker $(ARGS)

check: venv-dev
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy .
	find templates -name '*.html' -exec $(VENV)/djade --target-version 5.2 --check {} +
	$(VENV)/lint-imports
	$(VENV)/python -m portal.up.embedded $(VENV)/python manage.py makemigrations --check --dry-run

bench: venv-dev
	@$(VENV)/python -m tests.bench $(ARGS)

bench-kubernetes: venv-dev
	@$(VENV)/python -m tests.bench.kubernetes $(ARGS)

screenshots: venv-dev
	@$(VENV)/python -m tests.screenshots $(ARGS)

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache bench-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv: python
	@$(PYTHON) portal/up/virtualenv.py

venv-dev: python
	@$(PYTHON) portal/up/virtualenv.py dev

.PHONY: python
python:
	@test -n "$(PYTHON)" || { echo "✗ Stellwerk needs Python 3.11 or newer, and none was found; install it, or name it: make up PYTHON=/path/to/python3.11"; exit 1; }
