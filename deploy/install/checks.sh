# shellcheck shell=bash
# Refuses what cannot become a device that runs the service, with the remedy. Sourced.

needed_mib=1000 # a release takes 400 MiB, its making twice that

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
    fail "only root can $command the service" "sudo ./install.sh $command"
  fi
}

# The lock goes with the last process that holds its descriptor.
check_alone() {
  if [[ -n $dry_run ]]; then return; fi
  exec 9>/run/emotiond-install.lock
  flock --nonblock 9 || fail "another install.sh is at work" "wait until it has ended"
}

check_processor() {
  local machine bits
  machine=$(uname -m) bits=$(getconf LONG_BIT)
  if ((bits != 64)); then
    fail "this is a $bits-bit system ($machine); LiteRT exists for 64-bit ones only" \
      "install the 64-bit edition of your system (Raspberry Pi OS has one for every Pi since the 3)"
  fi
  case $machine in
  x86_64 | aarch64) ;;
  *) fail "LiteRT does not exist for this processor, $machine" "use an x86-64 or aarch64 device" ;;
  esac
}

check_systemd() {
  command -v systemctl >/dev/null ||
    fail "there is no systemd here" \
      "use \`emotiond run\` under your own service manager: ./install.sh demo, then .venv/bin/emotiond"
  if [[ -f $own_units/emotiond.service ]]; then
    fail "$own_units/emotiond.service hides the unit of the releases" \
      "remove it; changes of yours go to $own_units/emotiond.service.d/ (docs/service.md)"
  fi
  if [[ -z $no_start && ! -d /run/systemd/system ]]; then
    fail "systemd does not run this system (is it a chroot or a container?)" \
      "for an image, to be started later: ./install.sh --no-start"
  fi
}

check_groups() {
  local group
  for group in audio video; do
    getent group "$group" >/dev/null ||
      fail "there is no group $group, whose devices the service uses" "groupadd --system $group"
  done
}

# The service may not read homes, so its interpreter must not be in one.
check_python() {
  local prefix
  prefix=$("$python" -c 'import os, sys; print(os.path.realpath(sys.base_prefix))')
  case $prefix/ in
  /home/* | /root/* | /run/user/*)
    fail "$python is in $prefix, where a service may not look" \
      "use the system's own: PYTHON=/usr/bin/python3 $0"
    ;;
  esac
}

check_space() {
  local folder=$base free_mib
  while [[ ! -d $folder ]]; do folder=$(dirname "$folder"); done
  free_mib=$(df --output=avail -B1M "$folder" | tail -1)
  ((free_mib >= needed_mib)) ||
    fail "only $((free_mib)) MiB are free in $folder; a release needs $needed_mib to be made" \
      "free some: apt-get clean, journalctl --vacuum-size=50M, or a larger card"
}
