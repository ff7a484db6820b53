#!/usr/bin/env bash
# Installs emotiond for a look (demo) or for work on it (test). Both can be run again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
  cat <<'TEXT'
usage: ./install.sh demo    install what is missing, then play the sample clips through the daemon
       ./install.sh test    install the test needs, then run everything that CI runs

Needs bash, Python 3.10 or newer and a network for packages; root or sudo where a system
package is missing. Everything else goes into .venv.
TEXT
}

say() { printf '== %s\n' "$*"; }

fail() {
  printf 'install.sh: %s\n' "$1" >&2
  printf '  remedy: %s\n' "$2" >&2
  exit 1
}

find_python() {
  local candidate
  for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python3.10; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  fail "no Python 3.10 or newer is here" "install python3, or name one: PYTHON=/path/to/python3 $0"
}

# Adds a Debian package to `missing` unless a command shows that what it brings is there.
missing=()
require() {
  local package=$1
  shift
  "$@" >/dev/null 2>&1 || missing+=("$package")
}

# Installs what the given checks find missing, and makes sure that it then is there.
ensure() {
  local check
  missing=()
  for check in "$@"; do "$check"; done
  if ((${#missing[@]} == 0)); then return; fi
  install_missing
  missing=()
  for check in "$@"; do "$check"; done
  ((${#missing[@]} == 0)) ||
    fail "installed, but still not found for $python: ${missing[*]}" \
      "use the system's own Python: PYTHON=/usr/bin/python3 ./install.sh"
}

install_missing() {
  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      fail "these packages are missing: ${missing[*]}" "as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  command -v apt-get >/dev/null ||
    fail "there is no apt-get here" "install what these Debian packages bring: ${missing[*]}"
  say "system packages: ${missing[*]}"
  { "${as_root[@]}" apt-get update -qq &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; } ||
    fail "apt-get could not install ${missing[*]}" "is the network up? then run this again"
}

require_build_needs() {
  require python3-venv "$python" -c 'import ensurepip, venv'
  require python3-dev "$python" -c \
    'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")'
  require gcc sh -c 'command -v cc || command -v gcc'
  require libc6-dev test -e /usr/include/stdlib.h
  require portaudio19-dev test -e /usr/include/portaudio.h
}

# Installs the package with one extra into .venv, unless exactly that is there already.
install_package() {
  local extra=$1 stamp wanted
  stamp=.venv/installed-$extra
  wanted=$("$python" -VV && cat pyproject.toml)
  if [[ -x .venv/bin/python && -e $stamp && $(<"$stamp") == "$wanted" ]]; then
    say "package: already in .venv"
    return
  fi
  say "package: emotiond[$extra] into .venv (the first time this takes minutes)"
  if ! .venv/bin/python -c '' 2>/dev/null; then
    rm -rf .venv
    "$python" -m venv .venv || fail "no virtual environment could be made" "apt-get install python3-venv"
  fi
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[$extra]" ||
    fail "pip could not install the package" "read pip's message above; is the network up? then run this again"
  printf '%s\n' "$wanted" >"$stamp"
}

require_test_needs() {
  require mosquitto sh -c 'command -v mosquitto || test -x /usr/sbin/mosquitto'
  require shellcheck command -v shellcheck
  # Ubuntu has it as a snap alone: tests in a browser are left out there.
  grep -q '^ID=ubuntu' /etc/os-release || require chromium-driver command -v chromedriver
}

run_demo() {
  ensure require_build_needs
  install_package demo
  say "demo: six clips through the daemon"
  .venv/bin/emotiond demo
}

run_test() {
  ensure require_build_needs require_test_needs
  install_package dev
  say "format and lint"
  .venv/bin/ruff format --check .
  .venv/bin/ruff check .
  shellcheck install.sh .ci/run
  say "types"
  .venv/bin/mypy
  say "tests"
  # All tests of a file run in the same process.
  .venv/bin/pytest --numprocesses 2 --dist loadfile --durations 15
}

case ${1:-} in
demo | test)
  python=$(find_python)
  "run_$1"
  ;;
-h | --help) usage ;;
*)
  usage >&2
  exit 2
  ;;
esac
