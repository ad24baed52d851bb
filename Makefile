# The commands of the project; `make help` lists them. Works as root and as a normal user.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run test check bench fmt clean runtime development

PORT ?= 8000
NAME ?=
# The first Python that is new enough; `make PYTHON=/path/to/python` names another.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo "$$name" && break; done)
PY := .venv/bin/python

help:
	@echo "make run [PORT=8000]   everything on this machine, with two demo companies"
	@echo "make test              every test, browser tests included"
	@echo "make check             lint, format, types, import contracts, migrations, settings"
	@echo "make bench [NAME=..]   the benchmarks; figures go to .data/bench/NAME.json"
	@echo "make fmt               put the code in the common format"
	@echo "make clean             stop the servers; delete .venv, caches and the data in .data"

run: runtime
	@exec $(PY) -m config.run --port "$(PORT)"

test: development
	@CHROMIUM=$$(sh .ci/browser) || exit 1; export CHROMIUM; \
	exec $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests

check: development
	@sh .ci/check

bench: development
	@$(PY) -m tests.benchmarks $(NAME)

fmt: development
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .

clean:
	@if [ -x $(PY) ]; then env -u SWITCHBOARD_DATA_DIR $(PY) -m config.embedded remove; fi
	@rm -rf .venv .data .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

runtime:
	@$(call with_python) .ci/environment.py requirements.txt

development:
	@$(call with_python) .ci/environment.py requirements.txt requirements-dev.txt

define with_python
if [ -z "$(PYTHON)" ]; then \
	echo "Switchboard needs Python 3.11 or newer, and none is on the PATH. Install one, or name it: make PYTHON=/path/to/python3.11 ..." >&2; \
	exit 1; \
fi; "$(PYTHON)"
endef
