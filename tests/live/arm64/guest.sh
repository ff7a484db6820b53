#!/usr/bin/env bash
# Inside the arm64 system: installs emotiond as a user would and checks the service that runs then.
# Prints `ok …`, `not ok …`, `fact NAME VALUE` and, at the end, `finished`; details go to stderr, and
# the service's journal last.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit

readonly device=emotion/arm64
readonly messages=/run/messages
readonly config=/etc/emotiond/emotiond.yaml
readonly camera_driver=/sys/bus/platform/drivers/vivid
readonly sound_driver=/sys/bus/platform/drivers/snd_aloop
readonly happy="I am so happy, this is the best day of my life, thank you all!"
# Limit for every wait; an emulator is ten to thirty times slower than a board.
readonly timeout_s=180
# More than fusion.max_age_s, so that an earlier voice does not weaken the emotion of a text.
readonly forgotten_s=10

ok() { printf 'ok %s\n' "$*"; }
not_ok() { printf 'not ok %s\n' "$*"; }
fact() { printf 'fact %s\n' "$*"; }

# Reports whether a command succeeds, with the last line of its output if it does not.
check() {
  local what=$1 output
  shift
  if output=$("$@" 2>&1); then ok "$what"; else not_ok "$what: $(tail -n 1 <<<"$output")"; fi
}

property() { systemctl show --value --property "$1" emotiond; }

# Sets the moment from which `heard` considers messages and measures time.
mark() { since_s=$EPOCHREALTIME; }

# Waits for a message since the mark whose payload matches; sets took_s, the time from mark to receipt.
heard() {
  local within_s=$1 topic=$2 pattern=$3 deadline=$((SECONDS + $1))
  while ((SECONDS <= deadline)); do
    took_s=$(awk -v since="$since_s" -v topic="$topic" -v pattern="$pattern" '
      $1 >= since && $2 == topic && substr($0, length($1) + length($2) + 3) ~ pattern {
        printf "%.2f", $1 - since; exit }' "$messages")
    if [[ -n $took_s ]]; then return 0; fi
    sleep 0.2
  done
  printf 'nothing like %s on %s within %s s\n' "$pattern" "$topic" "$within_s"
  return 1
}

# Checks that a message arrives, and reports after how long; more than `within_s` is not ok.
hear() {
  local within_s=$1 what=$2 topic=$3 pattern=$4
  took_s=
  heard "$timeout_s" "$topic" "$pattern" >&2
  if [[ -z $took_s ]]; then
    not_ok "$what: nothing like $pattern on $topic within $timeout_s s"
  elif awk "BEGIN { exit !($took_s > $within_s) }"; then
    not_ok "$what: after $took_s s, more than $within_s s"
  else
    ok "$what (after $took_s s)"
  fi
}

count_restarts() { restarts=$(property NRestarts); }

# Checks that the unit is up and that systemd has restarted it $1 times since count_restarts.
running() {
  local since=$(($(property NRestarts) - restarts))
  [[ $(property ActiveState) == active ]] || { systemctl status emotiond; return 1; }
  ((since == $1)) || { echo "$since restarts"; return 1; }
}

startup_s() {
  awk -v began="$(property ExecMainStartTimestampMonotonic)" \
    -v ready="$(property ActiveEnterTimestampMonotonic)" 'BEGIN { printf "%.1f", (ready - began) / 1e6 }'
}

describe_system() {
  fact system "Debian $(</etc/debian_version), $(uname -m), kernel $(uname -r)"
  fact processor "$(nproc) × $(awk -F': ' '/CPU part/ { print $2; exit }' /proc/cpuinfo)"
  fact versions "$(systemctl --version | head -n 1), $(python3 --version), $(mosquitto -h | head -n 1)"
}

plug_devices_in() {
  check "the kernel has a camera" modprobe vivid n_devs=1 node_types=1 num_inputs=1 input_types=0
  check "the kernel has a sound card" modprobe snd-aloop index=0
  udevadm settle
  check "the camera is a capture device" v4l2-ctl --device /dev/video0 --all
  check "the sound card can be recorded from" arecord -q -D plughw:0,1 -f S16_LE -r 48000 -c 2 -d 1 /dev/null
  fact camera "$(v4l2-ctl --device /dev/video0 --info | awk -F': ' '/Card type/ { print $2 }')"
}

listen() {
  mosquitto_sub -c -i checks -q 1 -t 'emotion/#' -F '%U %t %p' >"$messages" 2>/dev/null &
  listening=$!
  trap 'kill "$listening"; hush' EXIT
}

# Plays noise, as no room is silent. Device 1 of the sound card records what device 0 plays.
hum() {
  speaker-test -D plughw:0,0 -c 1 -t pink -S 1 >/dev/null 2>&1 &
  humming=$!
}

hush() {
  kill "$humming" 2>/dev/null
  wait "$humming" 2>/dev/null
}

install() {
  local began_s source=()
  # Remove what an earlier run left.
  systemctl stop emotiond 2>/dev/null
  rm -f "$config"
  began_s=$SECONDS
  if [[ -d wheels ]]; then source=(--wheels wheels); fi
  if ./install.sh install "${source[@]}" >&2; then ok "install.sh installs"; else not_ok "install.sh installs"; fi
  fact install_s $((SECONDS - began_s))
  check "the unit is up" running 0
  fact startup_s "$(startup_s)"
  fact exposure "$(systemd-analyze security --no-pager emotiond | tail -n 1)"
}

configure() {
  count_restarts
  mark
  cat >"$config" <<'YAML'
microphone:
  source: "hw:0,1"
mqtt:
  health_interval_s: 10.0
  modality_states: true
YAML
  check "the configuration is valid" /opt/emotiond/current/bin/emotiond check-config "$config"
  check "SIGHUP is accepted" systemctl reload emotiond
  hum
  hear 60 "the microphone of the new configuration is read" $device/speech/status '^ok'
  check "a reload restarts nothing" running 0
  count_restarts
  cp "$config" /root/good.yaml
  echo 'nonsense: 1' >>"$config"
  systemctl reload emotiond >&2
  sleep 5
  check "a wrong configuration is refused, the old one remains" running 0
  check "and the journal names the reason" grep -q nonsense <(journalctl -u emotiond --since "-1min")
  cp /root/good.yaml "$config"
  systemctl reload emotiond >&2
}

watch_topics() {
  since_s=0
  check "status is online" heard 60 $device/status '^online$'
  check "info names the models" heard 60 $device/info '"modalities"'
  check "the camera is read" heard 60 $device/face/status '^ok$'
  check "a belief is published" heard 60 $device/state '"emotion"'
  mark
  hear 60 "health is published, with frames of the camera" $device/health '"face":\{"per_s":[1-9]'
  fact health "$(awk -v topic=$device/health '$2 == topic { print $3 }' "$messages" | tail -n 1)"
}

speak_and_write() {
  mark
  hush
  aplay -q -D plughw:0,0 /usr/share/sounds/alsa/[FRS]*.wav >&2
  hum
  hear 60 "a voice from the sound card is read" $device/speech/state '"emotion"'
  sleep $forgotten_s
  mark
  mosquitto_pub -q 1 -t $device/set/text -m "$happy"
  hear 10 "a happy text becomes an event" $device/event '"emotion":"happy".*"phase":"start"'
}

holders_of_sound() {
  local descriptor
  for descriptor in /proc/[0-9]*/fd/*; do
    [[ $(readlink "$descriptor") != /dev/snd/* ]] || cat "${descriptor%/fd/*}/comm"
  done | sort | uniq -c | xargs
}

# Unbinding the driver looks to the service like a pulled plug.
unplug() {
  local what=$1 driver=$2 name=$3 modality=$4
  sleep 5
  count_restarts
  mark
  echo "$name" >"$driver/unbind" & # for a sound card, this blocks until no process has it open
  hear 3 "$what gone: $modality is degraded" "$device/$modality/status" '^degraded: .*(is gone|gives no|no camera|no device)'
  local letting_go=$!
  sleep 10
  if [[ -d /proc/$letting_go ]]; then
    not_ok "$what gone: released within 10 s; it is held by $(holders_of_sound)"
    return
  fi
  mark
  echo "$name" >"$driver/bind"
  hear 5 "$what back: $modality is ok" "$device/$modality/status" '^ok'
  check "and the service was not restarted" running 0
}

break_the_network() {
  count_restarts
  systemctl stop mosquitto
  mark
  sleep 5
  systemctl start mosquitto
  hear 60 "the broker gone and back: online again" $device/status '^online$'
  check "and the service was not restarted" running 0
}

# Each signal ends the process; systemd must restart it once, and the last will must report it.
die_of() {
  local signal=$1 within_s=$2
  sleep 5
  count_restarts
  mark
  systemctl kill --signal "$signal" --kill-whom main emotiond
  hear "$within_s" "SIG$signal: offline" $device/status '^offline$'
  hear $((within_s + 60)) "SIG$signal: online again" $device/status '^online$'
  check "SIG$signal: one restart" running 1
}

stop_and_start() {
  mark
  check "the service stops" systemctl stop emotiond
  hear 15 "the stop is published" $device/status '^offline$'
  check "and is a clean one" test "$(property Result)" = success
  mark
  check "the service starts" systemctl start emotiond
  hear 60 "and is online" $device/status '^online$'
  hear 60 "with its camera" $device/face/status '^ok$'
  hear 60 "and its microphone" $device/speech/status '^ok$'
}

# Gives the doctor the paths that systemd gives only to the service.
examine() {
  local output
  if output=$(STATE_DIRECTORY=/var/lib/emotiond \
    CREDENTIALS_DIRECTORY=/run/credentials/emotiond.service \
    /opt/emotiond/current/bin/emotiond doctor --json --config "$config"); then
    ok "emotiond doctor finds no failure"
  else
    not_ok "emotiond doctor finds no failure"
  fi
  python3 -c '
import json, sys
for check in json.load(sys.stdin)["checks"]:
    print("fact doctor", check["verdict"], check["name"] + ":", check["found"])
' <<<"$output"
}

restarts=0
describe_system
plug_devices_in
listen
install
configure
watch_topics
speak_and_write
unplug "camera" $camera_driver vivid.0 face
hush
unplug "microphone" $sound_driver snd_aloop.0 speech
hum
break_the_network
die_of KILL 10
die_of STOP 60
# If the process that just ended held the sound card, the card was not bound again.
[[ -d /proc/asound/Loopback ]] || echo snd_aloop.0 >$sound_driver/bind
stop_and_start
examine
journalctl --unit emotiond --boot --no-pager --output short-monotonic >&2
echo finished
