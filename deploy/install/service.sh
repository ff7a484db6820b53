# shellcheck shell=bash
# Runs a release as the service, and rolls back if it does not start. Sourced.

settle_s=3  # a service that stays up this long after READY has started
online_s=15 # it is connected by then, if there is a broker

deploy() {
  check_device
  name_release
  make_release
  install_config "$release"
  check_config "$release"
  show_new_keys
  if [[ $(named current) == "$(basename "$release")" && -e $release/ready ]] && unit_is_current &&
    is_running; then
    say "service: release $(named current) is already running"
  else
    switch_to "$(basename "$release")"
    prune_releases
  fi
  report_online
}

upgrade() {
  [[ -L $base/current ]] || fail "no service is installed in $base" "sudo ./install.sh"
  deploy
}

rollback() {
  check_root
  check_alone
  check_systemd
  local before
  before=$(named previous)
  [[ -n $before ]] && is_whole "$base/releases/$before" ||
    fail "no earlier release in $base" "check out the older version and run: sudo ./install.sh"
  check_config "$base/releases/$before"
  switch_to "$before"
  report_online
}

# Installs a first configuration; never overwrites an existing one.
install_config() {
  if [[ -e $config ]]; then return; fi
  say "configuration: creating $config"
  run install -d -m 755 "$(dirname "$config")"
  run install -m 644 configs/service.yaml "$config"
}

# Checks the configuration as an unprivileged user, as the service's user is one.
check_config() {
  say "configuration: $config"
  unprivileged "$1/bin/emotiond" check-config "$config" >/dev/null ||
    fail "release $(basename "$1") cannot run with this configuration; $(still_running)" \
      "fix what is named above (every user must be able to read it: chmod 644 $config), then try again"
}

# Shows the keys that the new release knows and the current one does not.
show_new_keys() {
  local old=$base/current
  if [[ -n $dry_run || ! -x $old/bin/python || $old -ef $release ]]; then return; fi
  # The checkout may be readable for root alone.
  unprivileged "$release/bin/python" -I - "$(default_of "$old")" "$(default_of "$release")" \
    <deploy/install/new_keys.py
}

default_of() {
  unprivileged "$1/bin/python" -I -c 'from edge.resources import CONFIGS; print(CONFIGS / "default.yaml")'
}

# Makes a release current and starts it. If it does not become ready, returns to the previous one.
switch_to() {
  local new=$1 old before
  old=$(named current) before=$(named previous)
  # After an interrupted switch, the current release was never ready; the previous one is running.
  if [[ $old == "$new" && ! -e $base/releases/$new/ready ]]; then old=$before; fi
  if [[ -n $old ]] && ! has_run "$old"; then old=''; fi
  if [[ -n $old && $old != "$new" ]]; then point previous "$old"; fi
  activate "$new"
  if [[ -n $no_start ]]; then
    say "service: release $new will start at boot"
    return
  elif restart; then
    run touch "$base/releases/$new/ready"
    [[ -n $dry_run ]] || say "service: release $new is ready"
    return
  fi
  systemctl stop emotiond
  show_journal
  if [[ -z $old || $old == "$new" ]]; then
    fail "release $new did not become ready" \
      "fix what the lines above show, then: sudo systemctl restart emotiond"
  fi
  say "service: release $new did not become ready; rolling back to $old"
  if [[ -n $before && $before != "$old" ]]; then
    point previous "$before"
  else
    run rm -f "$base/previous"
  fi
  activate "$old"
  restart || {
    show_journal
    fail "release $old does not become ready any more either" "fix what the lines above show"
  }
  fail "release $new did not become ready; release $old is running again" \
    "fix what the lines before \`rolling back\` show"
}

# A release that was ready once, or is running now: only such a one is worth rolling back to.
has_run() { [[ -e $base/releases/$1/ready ]] || is_running; }

# Makes a release current, with the systemd unit that it came with.
activate() {
  local shipped=$base/releases/$1/systemd
  point current "$1"
  run install -d -m 755 "$units/emotiond.service.d"
  run install -m 644 "$shipped/emotiond.service" "$units/emotiond.service"
  # For more cameras on this host: docs/service.md.
  run sh -c 'sed -f "$1" "$2" >"$3"' sh deploy/install/template.sed "$shipped/emotiond.service" \
    "$units/emotiond@.service"
  run ln -sfn "$base/current/bin/emotiond" "$program"
  activate_web "$shipped"
  if knows_restart_steps; then
    run install -m 644 "$shipped/drop-ins/backoff.conf" "$units/emotiond.service.d/backoff.conf"
  fi
  if [[ -n $no_start ]]; then
    run env SYSTEMD_OFFLINE=1 systemctl --quiet enable emotiond
  else
    run systemctl daemon-reload
    run systemctl --quiet enable emotiond
  fi
}

# Installs the unit of the page, and enables it if it was asked for.
activate_web() {
  [[ -e $1/emotiond-web.service || -n $dry_run ]] || return 0 # of a release before there was one
  run install -m 644 "$1/emotiond-web.service" "$units/emotiond-web.service"
  if wants_web; then
    run touch "$base/web"
    if [[ -n $no_start ]]; then
      run env SYSTEMD_OFFLINE=1 systemctl --quiet enable emotiond-web
    else
      run systemctl daemon-reload
      run systemctl --quiet enable emotiond-web
      run systemctl restart emotiond-web
    fi
  fi
}

unit_is_current() { cmp -s "$base/current/systemd/emotiond.service" "$units/emotiond.service"; }

# Succeeds with systemd 254 and later, which can wait longer with every restart.
knows_restart_steps() {
  local number
  number=$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
  ((number >= 254))
}

is_running() { [[ -n $no_start ]] || systemctl --quiet is-active emotiond; }

# Returns once the service has reported that it is ready and has stayed up.
restart() {
  say "service: starting, and waiting until it is ready"
  run systemctl reset-failed emotiond 2>/dev/null || true
  started=$(date '+%F %T')
  run systemctl restart emotiond 2>/dev/null || return 1
  run sleep "$settle_s"
  [[ -n $dry_run ]] || is_running
}

show_journal() {
  say "journal: last lines of emotiond"
  journalctl --sync 2>/dev/null || true # needs root
  journalctl --unit emotiond --since "${started:-today}" --lines 25 --no-pager --output cat >&2
}

# Reports whether the device is online at the broker, or why not.
report_online() {
  if [[ -n $no_start || -n $dry_run ]]; then return; fi
  say "broker: is this device online?"
  local deadline_s=$((SECONDS + online_s))
  until [[ $(ask_broker --json) == *' is online'* ]] || ((SECONDS >= deadline_s)); do sleep 1; done
  ask_broker || say "service: running, and still trying to reach the broker"
}

# Runs the doctor's check of the broker. The secrets are beside the configuration, under the names
# that systemd gives them in the service.
ask_broker() {
  env CREDENTIALS_DIRECTORY="$(dirname "$config")" \
    "$base/current/bin/python" -I -m edge.cli doctor --config "$config" --only broker "$@" 2>&1
}
