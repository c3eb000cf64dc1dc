# make app, make test: each is enough on a fresh machine with Python 3.11 or newer.
PYTHON ?= python3
PORT ?= 8501
ADDRESS ?= 127.0.0.1
# 1: several people use the server; 0: it is one person's; empty: the address decides.
SHARED ?=
# 1: pages may open text files of this machine by their paths.
FILES ?=
VENV := .venv
BIN := $(VENV)/bin

# Workers for the runs of recipes.
WORKERS ?= 2

.PHONY: benchmark-rivals setup setup-dev app lectures recipes check test test-portable test-device lint types format measure-drag measure-lessons measure-panels measure-room measure-sessions

setup: $(VENV)/runtime.stamp

setup-dev: $(VENV)/dev.stamp

app: $(VENV)/runtime.stamp
	GRADIENT_FLOW_SHARED=$(SHARED) GRADIENT_FLOW_FILES=$(FILES) $(BIN)/streamlit run app.py --server.port $(PORT) --server.address $(ADDRESS)

# What has run before is not run again; after an interruption the same command continues.
lectures: $(VENV)/runtime.stamp
	$(BIN)/python -m experiments recipe lectures --workers $(WORKERS) --page lectures.html

recipes: $(VENV)/runtime.stamp
	$(BIN)/python -m experiments recipe papers --workers $(WORKERS) --page recipes.html --markdown docs/recipes.md

test: lint types
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

check: lint types
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --ignore=tests/browser -m "not processes"

test-portable: $(VENV)/dev.stamp
	$(BIN)/python tests/portable.py $(ONLY)

# On an emulated second device, which needs a C++ compiler, and on a GPU if there is one.
test-device: $(VENV)/dev.stamp
	$(BIN)/pytest tests/device

lint: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/oxlint analysis dashboard

types: $(VENV)/dev.stamp
	$(BIN)/mypy

format: $(VENV)/dev.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

measure-drag: $(VENV)/dev.stamp
	$(BIN)/python tests/browser/measure_drag.py

measure-panels: $(VENV)/dev.stamp
	PYTHONPATH=. $(BIN)/python tests/browser/measure_panels.py

measure-lessons: $(VENV)/dev.stamp
	$(BIN)/python tests/dashboard/measure_lessons.py

measure-room: $(VENV)/dev.stamp
	PYTHONPATH=. $(BIN)/python tests/browser/measure_room.py

measure-sessions: $(VENV)/dev.stamp
	$(BIN)/python tests/browser/measure_sessions.py

# Rivals of `benchmark bptt`, in an environment of their own: the lab does not need them.
benchmark-rivals: .rivals/stamp

.rivals/stamp: requirements-rivals.txt
	$(PYTHON) -m venv .rivals
	.rivals/bin/python -m pip install --quiet -r requirements-rivals.txt
	touch $@

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/runtime.stamp: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -r requirements.txt
	$(BIN)/python -m models.bptt.compiled.warm float32
	touch $@

$(VENV)/dev.stamp: requirements.txt requirements-dev.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	$(BIN)/python -m models.bptt.compiled.warm
	touch $(VENV)/runtime.stamp $@
