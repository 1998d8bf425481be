# The commands of this project. Each needs Python >= 3.11, git and make, nothing else.
#   make demo    install, then watch Interlock work on a throw-away repository
#   make test    every test; arguments for pytest: make test ARGS="-k lease"
#   make check   style, types, architecture, dependencies, dead code
#   make bench   what we claim, measured; one benchmark: make bench ARGS="engine --json"
#   make soak    ten thousand random histories; again from a seed: make soak FIRST=42

VENV := .venv
PYTHON_IN_VENV := $(VENV)/bin/python
PIP_INSTALL := $(PYTHON_IN_VENV) -m pip install --disable-pip-version-check -qq -c constraints.txt
PINS := pyproject.toml constraints.txt
SOURCES := $(shell find src -type f -not -name '*.pyc')

# An editable installation serves the demo as well; only without one does the demo install a copy.
FOR_WORK := $(VENV)/installed-for-work
FOR_DEMO := $(if $(wildcard $(FOR_WORK)),$(FOR_WORK),$(VENV)/installed-for-demo)

ARGS ?=
SEEDS ?= 10000
FIRST ?= $(shell date +%s)

.DEFAULT_GOAL := help
.PHONY: help demo test check bench soak
.DELETE_ON_ERROR:

help:
	@sed -n 's/^#   //p' Makefile

demo: $(FOR_DEMO)
	$(VENV)/bin/interlock demo $(ARGS)

test: $(FOR_WORK)
	$(PYTHON_IN_VENV) -m pytest -n auto $(ARGS)

check: $(FOR_WORK)
	$(PYTHON_IN_VENV) tools/check.py

bench: $(FOR_WORK)
	$(PYTHON_IN_VENV) -m benchmarks $(ARGS)

soak: $(FOR_WORK)
	$(PYTHON_IN_VENV) -m interlock.testing.simulate --seeds $(SEEDS) --first $(FIRST) $(ARGS)

# A virtual environment without its interpreter (moved, half made, Python upgraded) is made again.
$(PYTHON_IN_VENV):
	@python=$$(PYTHON='$(PYTHON)' tools/find_python) || exit 1; \
	echo "Creating $(VENV) with $$python"; \
	"$$python" -m venv --clear $(VENV)

$(VENV)/installed-for-demo: $(PINS) $(SOURCES) | $(PYTHON_IN_VENV)
	@echo "Installing Interlock into $(VENV)"
	@$(PIP_INSTALL) .
	@touch $@

$(FOR_WORK): $(PINS) | $(PYTHON_IN_VENV)
	@echo "Installing Interlock with everything its tests and checks need into $(VENV)"
	@$(PIP_INSTALL) -e '.[fleet,test,check]'
	@touch $@
