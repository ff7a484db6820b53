# shellcheck shell=bash
# Shows what is installed, and removes it. Sourced.

status() {
  [[ -L $base/current ]] || fail "no service is installed in $base" "sudo ./install.sh"
  printf 'release:  %s\nprevious: %s\nconfig:   %s\n' \
    "$(named current)" "$(named previous)" "$config"
  no_start=''
  is_running && report_online
  systemctl status --no-pager --lines 5 emotiond
}

uninstall() {
  check_root
  check_alone
  say "service: stopping and removing it"
  if [[ -d /run/systemd/system ]]; then
    run systemctl --quiet disable --now emotiond emotiond-web 2>/dev/null || true
  else
    run env SYSTEMD_OFFLINE=1 systemctl --quiet disable emotiond emotiond-web 2>/dev/null || true
  fi
  run rm -rf "$units/emotiond.service" "$units/emotiond.service.d" \
    "$units/emotiond@.service" "$units/emotiond-web.service" "$program" "$base"
  if [[ -d /run/systemd/system ]]; then
    run systemctl daemon-reload
    run systemctl reset-failed emotiond 2>/dev/null || true
  fi
  remove_if_agreed "the configuration, with passwords" "$(dirname "$config")" \
    "$own_units/emotiond.service.d" "$own_units/emotiond-web.service.d"
  remove_if_agreed "the state: events not yet sent to the broker, and whether the device is paused" \
    /var/lib/emotiond /var/lib/private/emotiond
}

# Removes paths if the user agrees: asks at a terminal; without one, only --purge agrees.
remove_if_agreed() {
  local what=$1 path answer=no there=()
  shift
  for path in "$@"; do
    if [[ -e $path || -L $path ]]; then there+=("$path"); fi
  done
  if ((${#there[@]} == 0)); then return; fi
  if [[ -n $purge ]]; then
    answer=yes
  elif [[ -t 0 ]]; then
    read -r -p "Also remove ${there[*]} ($what)? [y/N] " answer
  fi
  case $answer in
  [yY]*) run rm -rf "${there[@]}" ;;
  *) say "kept: ${there[*]} ($what)" ;;
  esac
}
