#!/usr/bin/env bash
# Installs emotiond: as a service of this device, for a first look (demo), or to develop it (test).
# Every command can be run again.
set -euo pipefail
started_in=$PWD
cd "$(dirname "$(realpath -- "${BASH_SOURCE[0]}")")" # this file may be a link

base=/opt/emotiond
config=/etc/emotiond/emotiond.yaml
units=/usr/local/lib/systemd/system
own_units=/etc/systemd/system
program=/usr/local/bin/emotiond

usage() {
  cat <<'TEXT'
usage: sudo ./install.sh [install]   install the service, or update it to this checkout
       sudo ./install.sh upgrade     update an installed service; rolls back if it does not start
       sudo ./install.sh rollback    return to the previous release
       sudo ./install.sh uninstall   remove it; asks before removing configuration and state
       ./install.sh status           show the releases, the service and the connection to the broker
       ./install.sh demo             install what is missing, then play the sample clips
       ./install.sh test             install what the tests need, then run everything that CI runs

  --dry-run      show every step without doing it
  --wheels DIR   install the service offline from the wheels in DIR: the versions must be those of
                 requirements/device.txt; their hashes are not checked, as PyAudio is built locally
  --no-start     install and enable without starting: for images, in a chroot
  --web          also install and start the page and REST API (docs/web.md); kept by upgrades
  --purge        with uninstall: remove configuration and state without asking

Runs on Debian, Raspberry Pi OS (64-bit), Ubuntu and JetPack with Python 3.10 or newer. Set PYTHON
to use another interpreter. The service is installed in /opt/emotiond, its configuration in
/etc/emotiond; see docs/service.md.
TEXT
}

# shellcheck source=deploy/install/common.sh
source deploy/install/common.sh
# shellcheck source=deploy/install/checks.sh
source deploy/install/checks.sh
# shellcheck source=deploy/install/release.sh
source deploy/install/release.sh
# shellcheck source=deploy/install/service.sh
source deploy/install/service.sh
# shellcheck source=deploy/install/remove.sh
source deploy/install/remove.sh

# Installs the package with one extra, in the locked versions, into .venv. Does nothing if that is
# installed already.
install_package() {
  local extra=$1 stamp wanted
  stamp=.venv/installed-$extra
  wanted=$("$python" -VV && cat pyproject.toml requirements/build.txt "requirements/$extra.txt")
  if [[ -x .venv/bin/python && -e $stamp && $(<"$stamp") == "$wanted" ]]; then
    say "package: already in .venv"
    return
  fi
  say "package: emotiond[$extra] into .venv (the first time this takes minutes)"
  if ! .venv/bin/python -I -c '' 2>/dev/null; then
    rm -rf .venv
    "$python" -I -m venv .venv ||
      fail "cannot make a virtual environment" "apt-get install python3-venv"
  fi
  { pip_install --require-hashes --requirement requirements/build.txt &&
    pip_install --require-hashes --no-build-isolation --requirement "requirements/$extra.txt" &&
    pip_install --no-deps --no-build-isolation --editable .; } ||
    fail "pip could not install the package" \
      "read pip's message above and check the network, then run this again"
  # In all processors, which pip does not; some packages have files for other versions of Python.
  .venv/bin/python -I -m compileall -qq -j 0 .venv/lib || true
  printf '%s\n' "$wanted" >"$stamp"
}

pip_install() {
  .venv/bin/python -I -m pip install --quiet --disable-pip-version-check --no-compile "$@"
}

require_test_needs() {
  require mosquitto sh -c 'command -v mosquitto || test -x /usr/sbin/mosquitto'
  require shellcheck command -v shellcheck
  require curl command -v curl
  require systemd command -v systemd-analyze
  # Ubuntu has it only as a snap, so the browser tests are skipped there.
  grep -q '^ID=ubuntu' /etc/os-release || require chromium-driver command -v chromedriver
}

demo() {
  ensure require_venv require_compiler
  install_package demo
  say "demo: the daemon reads six clips"
  .venv/bin/emotiond demo
}

test_all() {
  ensure require_venv require_compiler require_test_needs
  install_package dev
  scripts/check
  say "tests"
  scripts/test
}

wrong_usage() {
  printf 'install.sh: %s\n\n' "$1" >&2
  usage >&2
  exit 2
}

command='' dry_run='' no_start='' purge='' web='' wheels=''
while (($#)); do
  case $1 in
  install | upgrade | rollback | uninstall | status | demo | test)
    [[ -z $command ]] || wrong_usage "give one command, not both $command and $1"
    command=$1
    ;;
  --dry-run) dry_run=yes ;;
  --no-start) no_start=yes ;;
  --purge) purge=yes ;;
  --web) web=yes ;;
  --wheels)
    wheels=$(cd "$started_in" && realpath -e -- "${2-}") || wrong_usage "--wheels needs a folder"
    shift
    ;;
  -h | --help)
    usage
    exit
    ;;
  *) wrong_usage "unknown argument: $1" ;;
  esac
  shift
done
umask 022 # the service's user must be able to read what root installs

case ${command:=install} in
rollback | uninstall | status) "$command" ;;
install | upgrade | demo | test)
  python=$(find_python)
  case $command in
  install) deploy ;;
  upgrade) upgrade ;;
  demo) demo ;;
  test) test_all ;;
  esac
  ;;
esac
