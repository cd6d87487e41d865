# The two commands of the README are `make demo` and `make test`; each sets up .venv by itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
COVERAGE := $(VENV)/coverage.json
EXTRAS := media,train,track,dev
# bash alone expands the ~ of MUSIC=~/Music; zsh and dash hand it on, and the recipes' quotes would keep it.
ifneq ($(filter ~/%,$(firstword $(MUSIC))),)
override MUSIC := $(patsubst ~/%,$(HOME)/%,$(MUSIC))
endif
# Said before $(READY) is made, which takes minutes.
ifneq ($(filter default-model,$(MAKECMDGOALS)),)
ifeq ($(and $(MUSIC),$(CLIPS)),)
$(error make default-model needs MUSIC=FOLDER and CLIPS="TABLES")
endif
endif

.PHONY: help demo test rows notebooks lint bench default-model clean
.DEFAULT_GOAL := help

help: ## say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# torch goes first and alone: pip then takes the CPU build where one lies at hand, and nothing later replaces it.
$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	touch $(READY)

demo: $(READY) ## make music, train on it, compare, explain, classify; MUSIC=folder classifies yours, too
	$(BIN)/genrelab demo $(if $(MUSIC),--music "$(MUSIC)")

# Judged apart: SlipCover 1.1 forgets what the workers covered once it has judged, and would print that nothing is.
test: $(READY) ## run the tests; ARGS are pytest's
	$(BIN)/python -m slipcover --json --out $(COVERAGE) -m pytest -n 2 --dist loadgroup $(ARGS)
	$(BIN)/python -m slipcover --merge $(COVERAGE) --out /dev/null --skip-covered --fail-under 90

rows: $(READY) ## prove every published row: train a little, export, classify
	$(BIN)/genrelab reproduce --all --quick --output rows

notebooks: $(READY) ## run the notebooks on music that they make themselves
	OMP_NUM_THREADS=1 $(BIN)/pytest --nbmake --nbmake-timeout=600 -n 2 notebooks

lint: $(READY) ## check style, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY) ## print ratios against peers, taken in one run; MUSIC=folder takes its mp3s
	$(BIN)/python benchmarks/store.py $(if $(MUSIC),"$(MUSIC)")
	$(BIN)/python benchmarks/frontends.py
	$(BIN)/python benchmarks/handcrafted.py
	$(BIN)/python benchmarks/augment.py
	$(BIN)/python benchmarks/classify.py $(if $(MUSIC),"$(MUSIC)")
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/epoch.py
	for each in musicnn yamnet genrelab; do $(BIN)/genrelab backbone fetch $$each || exit; done
	$(BIN)/python benchmarks/bundles.py

default-model: $(READY) ## train genrelab's own networks and the default bundle: MUSIC=folder of any music, CLIPS="tables of labelled clips"
	$(BIN)/genrelab backbone fetch musicnn
	$(BIN)/genrelab backbone fetch yamnet
	$(BIN)/python scripts/default_model.py --music "$(MUSIC)" --clips $(CLIPS) $(ARGS)

clean: ## remove what make made
	rm -rf $(VENV) demo rows build dist
