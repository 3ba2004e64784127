# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Two commands do all of their set-up themselves: `make rehearse` and `make test`. `make help` lists the others.
# PYTHON=/path/to/python chooses the interpreter, else the newest usable one of 3.11 to 3.13 is taken.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

ROOT := $(CURDIR)
COPY := .cache/copy/ansible_collections/mailops/exchange
PY := .venv/bin/python
# What the linters of shell scripts look at.
SCRIPTS := .ci/run requirements/install.sh requirements/lock.sh

# Values from the command line reach the recipes through the environment: a path may hold blanks.
export ESTATE FAULTS OUT PYTHON ROOT
# Tools start one another: those of the environment come first.
export PATH := $(ROOT)/.venv/bin:$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(ROOT)/.cache/tree
export LC_ALL := C.UTF-8
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

help: ## Show the targets
	@sed -nE 's/^([a-z-]+):.*## /\1\t/p' Makefile | expand -t 15

# --- The environment ---------------------------------------------------------------------------------------------

# Made anew where the checkout was moved, its Python has gone, or PYTHON= names another one.
ifneq ($(shell PYTHON="$(PYTHON)" requirements/install.sh check .venv),yes)
.venv/run.ready .venv/dev.ready: FORCE
endif

.venv/run.ready: requirements/run.txt requirements/uv.txt requirements/install.sh
	@requirements/install.sh run .venv

.venv/dev.ready: requirements/dev.txt requirements/uv.txt requirements/install.sh
	@requirements/install.sh dev .venv

.cache/importer/importer.ready: requirements/importer.txt requirements/uv.txt requirements/install.sh
	@requirements/install.sh importer .cache/importer

FORCE:

setup: .venv/dev.ready ## Make the environment with everything that the gates need

lock: .venv/dev.ready ## Pin the newest versions into requirements/*.txt
	@requirements/lock.sh

# --- The lab -----------------------------------------------------------------------------------------------------

# `make rehearse` ends with the status of the rehearsal: 0, 2, or 3 after a violation. GNU make itself ends with 2
# whatever the status of a failed command was; tests/utils/make_status.py tells how 3 gets through. The recipe of
# `rehearse` is expanded when `rehearsal` has ended, so it finds the status in the file (one for each make process).
STATUS = .cache/status/$(shell echo $$PPID)
define end_with_status
$(if $(filter 3,$(file <$(STATUS))),$(shell echo "make: *** [rehearse] Error 3" >&2; rm -f $(STATUS);
	$(PY) tests/utils/make_status.py 3 .cache/status/end.so)$(eval -load .cache/status/end.so(mailops_end))exit 3,
	status=$$(cat $(STATUS)); rm -f $(STATUS); exit $$status)
endef

rehearse: rehearsal ## Rehearse an update on the lab (ESTATE=file CHECK=1 FAULTS=file OUT=dir, ARGS=... for ansible-playbook)
	@$(strip $(end_with_status))

rehearsal: .venv/run.ready
	@mkdir -p .cache/status; rm -f $(STATUS)
	@status=0; $(PY) -m lab rehearse $(if $(CHECK),--check) $${FAULTS:+--faults "$$FAULTS"} $${OUT:+--out "$$OUT"} \
		$${ESTATE:+"$$ESTATE"} $(if $(ARGS),-- $(ARGS)) || status=$$?; printf '%s' "$$status" >$(STATUS)

lab: .venv/run.ready ## Only the lab, in the foreground; OUT/inventory.yml leads to it (ESTATE=file FAULTS=file OUT=dir)
	@exec $(PY) -m lab serve $${FAULTS:+--faults "$$FAULTS"} $${OUT:+--out "$$OUT"} $${ESTATE:+"$$ESTATE"}

# --- Tests and gates ---------------------------------------------------------------------------------------------

# The tests differ in length by three orders of magnitude: a worker that is done takes from the other one.
test: .venv/dev.ready ## Unit and lab tests (ARGS=... for pytest; ARGS=--all-rehearsals for those that are sampled)
	@$(PY) -m pytest -n 2 --dist worksteal --durations=15 $(ARGS)

# Some hours for ten thousand; each estate follows from its number, so what fails can be tried again.
sweep: .venv/dev.ready ## Check mode against the run on many random estates (ESTATES=2000 FIRST=0 ARGS="--exchange 2000")
	@$(PY) -m pytest -n 2 --dist worksteal tests/lab/test_properties.py --random-estates $(or $(ESTATES),2000) --first-estate $(or $(FIRST),0) $(ARGS)

# Apart from `test`, because measuring branches takes half as long again.
coverage: .venv/dev.ready ## The same with coverage of branches
	@$(PY) -m pytest -n 2 --cov --cov-report=term:skip-covered $(ARGS)

lint: .venv/dev.ready ## ruff, mypy, shellcheck where it is installed
	@ruff check .
	@ruff format --check .
	@mypy -p ansible_collections.mailops.exchange.plugins.plugin_utils -p ansible_collections.mailops.exchange.lab
	@! command -v shellcheck >/dev/null || shellcheck $(SCRIPTS)

ansible-lint: .venv/dev.ready ## ansible-lint with the production profile
	@ansible-lint --offline --strict

# Several tools insist on a folder ansible_collections/mailops/exchange that is no link, and on git. The list comes
# from a git of our own, so that a tree without .git, or one of another user, is as good as a clone.
copy: .venv/dev.ready
	@rm -rf .cache/copy && mkdir -p $(COPY)
	@git init --quiet --bare .cache/list.git
	@git --git-dir=.cache/list.git --work-tree=. ls-files -z --others --exclude-standard | xargs -0 cp --parents -P -t $(COPY)
	@git -C $(COPY) init --quiet && git -C $(COPY) add --all

# ansible-test fetches get-pip.py from a site that may be out of reach; it takes what lies in its cache, so the
# project's stand-in is put there (the way that ansible/ansible#77304 names).
sanity: copy ## ansible-test sanity, in a copy
	@version=$$(sed -nE "s/.*pip='([0-9.]+)'.*/\1/p" .venv/lib/python*/site-packages/ansible_test/_internal/python_requirements.py); \
		stand_in=~/.ansible/test/cache/get_pip_$${version//./_}.py; \
		[ -s "$$stand_in" ] || { mkdir -p "$${stand_in%/*}" && cp tests/utils/get_pip.py "$$stand_in"; }
	@version=$$($(PY) -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
		cd $(COPY) && ansible-test sanity --local --requirements --python "$$version" --color no $(ARGS)

molecule: .venv/dev.ready ## Every molecule scenario (ARGS="-s exchange2003_cluster" for one)
	@molecule test $(or $(ARGS),--all)

build: copy ## The artifact, in build/
	@rm -f build/mailops-exchange-*.tar.gz
	@cd $(COPY) && ansible-galaxy collection build --force --output-path "$$ROOT/build"

# The importer fails on errors only; its warnings fail this gate as well. Its flake8 stays off: it complains of what
# ruff's formatter writes, and ruff and ansible-test have looked at the same already. So has `make ansible-lint`, with the
# importer's own profile and more rules: the importer gives its own up after three minutes, on a busy machine too early.
import: build .cache/importer/importer.ready ## What Galaxy would say about the artifact (galaxy-importer)
	@rm -rf .cache/import && mkdir -p .cache/import && cp build/mailops-exchange-*.tar.gz .cache/import
	@cd .cache/import && PATH="$$ROOT/.cache/importer/bin:$$PATH" GALAXY_IMPORTER_CHECK_REQUIRED_TAGS=true GALAXY_IMPORTER_RUN_ANSIBLE_LINT=false \
		python -m galaxy_importer.main mailops-exchange-*.tar.gz 2>&1 | tee importer.log
	@! grep -E '^(WARNING|ERROR):' .cache/import/importer.log

docs: .venv/dev.ready ## The documentation of the plugins and the changelog (antsibull)
	@antsibull-docs lint-collection-docs --plugin-docs --check-extra-docs-refs --validate-collection-refs dependent .
	@antsibull-changelog lint

clean: ## Remove everything that make has made
	@rm -rf .venv .cache build .mypy_cache .ruff_cache .pytest_cache .ansible .coverage .coverage.* .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: FORCE help setup lock rehearse rehearsal lab test sweep coverage lint ansible-lint copy sanity molecule build import docs clean
