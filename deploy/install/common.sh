# shellcheck shell=bash
# Messages, the interpreter and system packages, for every command of install.sh. Sourced.

say() { printf '== %s\n' "$*"; }

fail() {
  printf 'install.sh: %s\n' "$1" >&2
  printf '  remedy: %s\n' "$2" >&2
  exit 1
}

# Runs a command that changes the system. With --dry-run, prints it instead, even if the command's
# output is redirected.
exec 3>&1
run() {
  if [[ -n $dry_run ]]; then printf '   would run: %s\n' "$*" >&3; else "$@"; fi
}

nobody=65534

# Runs a command without root's rights.
unprivileged() { run setpriv --reuid=$nobody --regid=$nobody --clear-groups --no-new-privs "$@"; }

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10}; do
    if "$candidate" -I -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  local found
  found=$("${PYTHON:-python3}" -V 2>&1) || found="no ${PYTHON:-python3} that runs"
  fail "Python 3.10 or newer is required (found: $found)" \
    "use a newer system, or set PYTHON to a newer interpreter: PYTHON=/path/to/python3 $0"
}

# Adds a Debian package to `missing` unless the given command succeeds, which proves it installed.
missing=()
require() {
  local package=$1
  shift
  "$@" >/dev/null 2>&1 || missing+=("$package")
}

# Installs what the given checks find missing, then checks again.
# Sets `added` to the packages that were missing.
added=()
ensure() {
  local check
  missing=()
  for check in "$@"; do "$check"; done
  added=("${missing[@]}")
  if ((${#missing[@]} == 0)); then return; fi
  install_missing
  if [[ -n $dry_run ]]; then return; fi
  missing=()
  for check in "$@"; do "$check"; done
  ((${#missing[@]} == 0)) ||
    fail "installed, but $python still cannot use: ${missing[*]}" \
      "use the system's Python: PYTHON=/usr/bin/python3 ./install.sh"
}

install_missing() {
  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      fail "missing system packages: ${missing[*]}" "as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  command -v apt-get >/dev/null ||
    fail "apt-get not found" "install the equivalent of these Debian packages: ${missing[*]}"
  say "system packages: ${missing[*]}"
  { run "${as_root[@]}" apt-get update -qq &&
    run "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; } ||
    fail "apt-get could not install ${missing[*]}" "check the network, then run this again"
}

require_venv() {
  require python3-venv "$python" -I -c 'import ensurepip, venv'
}

require_compiler() {
  require python3-dev "$python" -I -c \
    'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")'
  require gcc sh -c 'command -v cc || command -v gcc'
  require libc6-dev test -e /usr/include/stdlib.h
  require portaudio19-dev test -e /usr/include/portaudio.h
}
