# The companion's commands. `make` lists them. Everything runs in .venv, which is made on first use.
PYTHON  ?= python3
VENV    ?= .venv
PY       = $(VENV)/bin/python
READY    = $(VENV)/.ready
TORCH    = $(shell sed -n 's/^torch==//p' constraints.txt)
CHAPTER ?=
JOBS    ?= 2
export HANDSON_CACHE ?=

.DEFAULT_GOAL := help
.PHONY: help setup lab test run doctor lint sync index badges portability scorecard scale models clean

help:  ## list the commands
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "make %-12s %s\n", $$1, $$2}'

setup: $(READY)  ## make .venv with everything in it (about 10 minutes the first time)

# A GPU-less Linux machine wants torch's CPU build (+cpu); macOS and GPU machines want the plain one.
$(READY): requirements.txt constraints.txt
	@echo "Setting up $(VENV): about 10 minutes the first time (llama-cpp-python is compiled) ..."
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) -c 'import torch' 2>/dev/null || if [ "$$(uname)" = Linux ] && ! nvidia-smi >/dev/null 2>&1; then \
	  $(PY) -m pip install -q "torch==$(TORCH)+cpu" 2>/dev/null || \
	  $(PY) -m pip install -q --retries 0 --timeout 15 "torch==$(TORCH)+cpu" --index-url https://download.pytorch.org/whl/cpu 2>/dev/null || \
	  { echo "No CPU build of torch found: taking the default one (larger)."; $(PY) -m pip install -q "torch==$(TORCH)"; }; \
	else $(PY) -m pip install -q "torch==$(TORCH)"; fi
	@$(PY) -m pip install -q -r requirements.txt -c constraints.txt
	@touch $(READY)

lab: $(READY)  ## open the chapters in JupyterLab
	$(PY) -m jupyterlab $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB) chapters/README.md

test: $(READY)  ## unit tests, then every notebook re-executed and compared
	@$(PY) -m tests.tools.prove --jobs $(JOBS)

run: $(READY)  ## execute one chapter (CHAPTER=4) or all: time, memory, checks, HTML in build/ (SAVE=1 keeps outputs)
	@$(PY) -m tests.tools.run $(CHAPTER) $(if $(SAVE),--save)

doctor: $(READY)  ## each thing the notebooks need, [ok] or [fail] with the fix
	@$(PY) -m utils.doctor

lint: $(READY)  ## style of the code, static rules of the notebooks
	$(PY) -m ruff check .
	$(PY) -m pytest -q tests/test_notebooks.py

sync: $(READY)  ## chapters/source -> notebooks (FROM=notebook for the other way)
	@$(PY) -m tests.tools.sync $(if $(filter notebook,$(FROM)),--from-notebook)

index: $(READY)  ## write chapters/README.md, data/README.md and the tables of README.md
	@$(PY) -m tests.tools.index

badges: $(READY)  ## put REPO=owner/name into every Colab link
	@$(PY) -m tests.tools.badges "$(REPO)"

portability: $(READY)  ## run the notebooks under other thread counts and CPU kinds; list outputs that move
	@$(PY) -m tests.tools.portability $(CHAPTER)

scorecard: $(READY)  ## measure every shipped model on held-out cases
	@$(PY) -m data.recipes.scorecard

scale: $(READY)  ## measure how the cost of topic modelling and of vector search grows (needs HANDSON_HUB_MIRROR; 40 minutes of one core)
	@$(PY) -m data.recipes.scale
	@$(PY) -m data.recipes.search_scale

models: $(READY)  ## retrain the shipped models, or ROLE=base (needs HANDSON_SOURCES; hours without a GPU)
	@for role in $(or $(ROLE),sentiment reranker clauses chat base masked seq2seq); do \
	  $(PY) -m data.recipes.$$role || exit 1; done

clean:  ## remove build/ (the environment stays)
	rm -rf build
