# shellcheck shell=bash
# Refuses a device that cannot run the service, with the remedy. Sourced.

needed_mib=1000 # a release takes 400 MiB, building it twice that

check_device() {
  check_root
  check_alone
  check_processor
  check_systemd
  check_groups
  check_python
}

check_root() {
  if ((EUID != 0)) && [[ -z $dry_run ]]; then
    fail "$command needs root" "sudo ./install.sh $command"
  fi
}

# The lock is released when the last process that holds its descriptor ends.
check_alone() {
  if [[ -n $dry_run ]]; then return; fi
  exec 9>/run/emotiond-install.lock
  flock --nonblock 9 || fail "another install.sh is running" "wait until it has finished"
}

check_processor() {
  local machine bits
  machine=$(uname -m) bits=$(getconf LONG_BIT)
  if ((bits != 64)); then
    fail "this is a $bits-bit system ($machine); LiteRT needs a 64-bit system" \
      "install the 64-bit edition of your system (Raspberry Pi OS has one for the Pi 3 and later)"
  fi
  case $machine in
  x86_64 | aarch64) ;;
  *) fail "LiteRT does not support this processor, $machine" "use an x86-64 or aarch64 device" ;;
  esac
}

check_systemd() {
  command -v systemctl >/dev/null ||
    fail "systemd not found" \
      "run ./install.sh demo, then start \`.venv/bin/emotiond run\` with your own service manager"
  if [[ -f $own_units/emotiond.service ]]; then
    fail "$own_units/emotiond.service overrides the unit that install.sh installs" \
      "move your changes to $own_units/emotiond.service.d/ (docs/service.md), then remove it"
  fi
  if [[ -z $no_start && ! -d /run/systemd/system ]]; then
    fail "systemd is not running (is this a chroot or a container?)" \
      "to prepare an image, install without starting: ./install.sh --no-start"
  fi
}

check_groups() {
  local group
  for group in audio video; do
    getent group "$group" >/dev/null ||
      fail "the group $group, whose devices the service uses, does not exist" \
        "groupadd --system $group"
  done
}

# The service cannot read home directories, so its interpreter must not be in one.
check_python() {
  local prefix
  prefix=$("$python" -I -c 'import os, sys; print(os.path.realpath(sys.base_prefix))')
  case $prefix/ in
  /home/* | /root/* | /run/user/*)
    fail "$python is in $prefix, which the service cannot read" \
      "use the system's Python: PYTHON=/usr/bin/python3 $0"
    ;;
  esac
}

check_space() {
  local folder=$base free_mib
  while [[ ! -d $folder ]]; do folder=$(dirname "$folder"); done
  free_mib=$(df --output=avail -B1M "$folder" | tail -1)
  ((free_mib >= needed_mib)) ||
    fail "only $((free_mib)) MiB are free in $folder; building a release needs $needed_mib MiB" \
      "free some space: apt-get clean, journalctl --vacuum-size=50M, or a larger card"
}
