#!/usr/bin/env bash
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# install.sh SET DIRECTORY: a virtual environment in DIRECTORY with what requirements/SET.txt pins, and the
# checkout importable as the collection mailops.exchange. Called by the Makefile, which knows when it is due.
# install.sh check DIRECTORY: prints "yes" where the environment still fits this checkout and PYTHON=...
#
# Wants nothing but a Python of 3.11 to 3.13 (PYTHON=... names one): uv, which is several times as fast as pip,
# is fetched by pip into .cache/uv; where it cannot be had, or does not work, pip does it all.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
set_name=$1
environment=$2
# No byte code of other versions, no user packages, and never a Python that uv fetched from somewhere.
unset PYTHONHOME PYTHONPATH VIRTUAL_ENV
export PYTHONNOUSERSITE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
export UV_PYTHON_DOWNLOADS=never UV_NO_CONFIG=1 UV_LINK_MODE=copy UV_NO_PROGRESS=1

say() { printf '%s\n' "$*" >&2; }

# Prints "3.MINOR PATH" of a usable Python, nothing otherwise. A shim of pyenv is on the PATH also when it only
# fails (exit code 127); an interpreter built without ssl cannot fetch anything.
inspect() {
  "$1" -c '
import sys
import ctypes, ssl, venv, zlib
if (3, 11) <= sys.version_info[:2] <= (3, 13) and sys.implementation.name == "cpython":
    print("3.%d %s" % (sys.version_info[1], getattr(sys, "_base_executable", None) or sys.executable))
' 2>/dev/null || true
}

find_python() {
  local candidate minor
  if [ -n "${PYTHON:-}" ]; then
    inspect "$PYTHON"
    return
  fi
  for minor in 13 12 11; do
    for candidate in "python3.$minor" "${PYENV_ROOT:-$HOME/.pyenv}/versions/3.$minor".*/bin/python3 \
      "$HOME/.local/share/uv/python/cpython-3.$minor".*/bin/python3; do
      inspect "$candidate"
    done
  done
  for candidate in python3 python; do
    inspect "$candidate"
  done
}

# Runs pip for the environment $1; where the interpreter came without pip and ensurepip, from pip's own wheel.
pip_in() {
  local target=$1
  shift
  if ! "$target/bin/python" -m pip --version >/dev/null 2>&1; then
    [ -e .cache/pip.whl ] || "$target/bin/python" requirements/fetch_pip.py .cache/pip.whl
    "$target/bin/python" .cache/pip.whl/pip -qq "$@"
    return
  fi
  "$target/bin/python" -m pip -qq "$@"
}

plain_environment() { # Debian ships ensurepip in a package of its own
  "$python" -m venv "$1" >/dev/null 2>&1 || { rm -rf "$1" && "$python" -m venv --without-pip "$1"; }
}

find_uv() { # sets $uv; empty: there is none
  uv=$(command -v uv || true)
  [ -n "$uv" ] && "$uv" --version >/dev/null 2>&1 && return
  uv=.cache/uv/bin/uv
  "$uv" --version >/dev/null 2>&1 && return
  rm -rf .cache/uv
  if plain_environment .cache/uv && pip_in .cache/uv install --only-binary :all: -r requirements/uv.txt; then
    "$uv" --version >/dev/null 2>&1 && return
  fi
  uv=
  say "uv cannot be had: going on with pip"
}

by_uv() {
  [ -n "$uv" ] || return 1
  [ -e "$environment/bin/python" ] || "$uv" venv --quiet --python "$python" "$environment"
  # The full set is brought to exactly what is pinned; the small one leaves alone what else is there.
  if [ "$set_name" = run ]; then
    "$uv" pip install --quiet --python "$environment/bin/python" -r "requirements/$set_name.txt"
  else
    "$uv" pip sync --quiet --python "$environment/bin/python" "requirements/$set_name.txt"
  fi
}

by_pip() {
  [ -e "$environment/bin/python" ] || plain_environment "$environment"
  pip_in "$environment" install -r "requirements/$set_name.txt"
}

# An environment knows its own path (in the first line of every script) and the Python it stands on: after the
# checkout was moved, the Python has gone, or PYTHON names another one, it is to be made anew.
fits() {
  local made_for wanted
  mapfile -t made_for < <(cat "$environment/made-for" 2>/dev/null)
  [ "${made_for[0]:-}" = "$root" ] && [ -n "$(inspect "$environment/bin/python")" ] || return 1
  [ -n "${PYTHON:-}" ] || return 0
  wanted=$(inspect "$PYTHON")
  [ "${wanted#* }" = "${made_for[1]:-}" ]
}

if [ "$set_name" = check ]; then
  fits && echo yes
  exit 0
fi

mkdir -p .cache/tree/ansible_collections/mailops
if command -v flock >/dev/null 2>&1; then # two makes at the same time in one checkout
  exec 9>.cache/install.lock
  flock 9
fi
ln -sfn ../../../.. .cache/tree/ansible_collections/mailops/exchange

if ! fits; then
  rm -rf "$environment"
  python=$(find_python | sort -t. -k2,2nr -s | head -n 1 | cut -d' ' -f2-)
  if [ -z "$python" ]; then
    say "No usable Python: this needs CPython 3.11, 3.12 or 3.13${PYTHON:+, and PYTHON=$PYTHON is none or does not start}."
    say "Looked for python3.13, python3.12, python3.11, python3 and python on the PATH, in ~/.pyenv/versions and"
    say "where uv keeps its own; PYTHON=/path/to/python names another one."
    exit 1
  fi
else
  python=$(sed -n 2p "$environment/made-for")
fi
say "Setting up $environment (requirements/$set_name.txt) with $python ..."
find_uv
by_uv || { [ -z "$uv" ] || say "uv failed: trying pip"; by_pip; }
printf '%s\n%s\n' "$root" "$python" >"$environment/made-for"
touch "$environment/$set_name.ready"
[ "$set_name" != dev ] || touch "$environment/run.ready" # dev holds all of run
