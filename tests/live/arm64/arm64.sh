#!/usr/bin/env bash
# Tests emotiond on Debian arm64 in an emulator: installs the service as a user would, and reads the
# kernel's test camera (vivid) and loopback sound card (snd-aloop). Run by hand, not in CI.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tests/live/arm64/arm64.sh build    make the system's image, kernel and initrd (once; root)
       tests/live/arm64/arm64.sh wheels   make a folder of wheels of this working tree (root)
       tests/live/arm64/arm64.sh run      copy this working tree in, boot, install and check
       tests/live/arm64/arm64.sh again    the same on the disk of the last `run`
       tests/live/arm64/arm64.sh shell    boot that disk with a root shell on this terminal

`run` starts from the image as built, writes report.txt and console.log into the folder, and exits
with 1 if anything was not ok; meanwhile, the socket `console` there has a root shell. Needs these
packages: debootstrap e2fsprogs qemu-system-arm qemu-user-static qemu-utils

environment: FOLDER       where the image is kept (default: ~/.cache/emotiond-arm64)
             MIRROR       Debian's archive (default: http://deb.debian.org/debian)
             SUITE        Debian's release (default: bookworm)
             DEBOOTSTRAP  more options for it, e.g. --no-check-gpg
             TIMEOUT_S    of `run` (default: 5400)
             WHEELS       a folder of wheels for `run` to install from, such as $FOLDER/wheels;
                          without it, `run` compiles PyAudio, which takes an hour
TEXT
}

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
folder=${FOLDER:-$HOME/.cache/emotiond-arm64}
mirror=${MIRROR:-http://deb.debian.org/debian}
suite=${SUITE:-bookworm}
root=$folder/root
image=$folder/system.ext4
disk=$folder/run.qcow2

# A minimal system without emotiond, the broker, and the tools of the checks.
packages=(
  systemd-sysv systemd-timesyncd udev dbus kmod iproute2 procps sudo ca-certificates python3
  mosquitto mosquitto-clients alsa-utils v4l-utils linux-image-arm64 initramfs-tools zstd
)

say() { printf '== %s\n' "$*"; }

fail() {
  printf 'arm64.sh: %s\n  remedy: %s\n' "$1" "$2" >&2
  exit 1
}

need() {
  command -v "$1" >/dev/null || fail "$1 is missing" "apt-get install $2"
}

# Registers qemu-user-static for arm64 programs with the kernel, as Debian's systemd does at boot.
register_arm64() {
  local formats=/proc/sys/fs/binfmt_misc rule=/usr/lib/binfmt.d/qemu-aarch64.conf
  if [[ $(uname -m) == aarch64 ]]; then return; fi
  [[ -e $rule ]] || fail "qemu-user-static is missing" "apt-get install qemu-user-static"
  [[ -e $formats/register ]] || mount -t binfmt_misc binfmt_misc "$formats"
  [[ -e $formats/qemu-aarch64 ]] || cat "$rule" >"$formats/register"
}

in_system() {
  chroot "$root" env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    DEBIAN_FRONTEND=noninteractive "$@"
}

bootstrap() {
  local options=()
  read -ra options <<<"${DEBOOTSTRAP:-}"
  rm -rf "$root"
  debootstrap --foreign --arch arm64 --variant=minbase "${options[@]}" "$suite" "$root" "$mirror"
  in_system /debootstrap/debootstrap --second-stage
  touch "$root/.bootstrapped"
}

install_packages() {
  printf 'deb %s %s main\ndeb %s %s-updates main\n' "$mirror" "$suite" "$mirror" "$suite" \
    >"$root/etc/apt/sources.list"
  host_settings
  small_initrd
  mount -t proc proc "$root/proc"
  in_system apt-get update -qq
  in_system apt-get install -y -qq --no-install-recommends "${packages[@]}"
  in_system update-ca-certificates
  in_system apt-get clean
}

# An initrd for this machine only: in emulation, collecting every driver takes half an hour.
small_initrd() {
  mkdir -p "$root/etc/initramfs-tools/conf.d"
  echo MODULES=list >"$root/etc/initramfs-tools/conf.d/modules"
  printf '%s\n' virtio_pci virtio_blk ext4 >"$root/etc/initramfs-tools/modules"
}

# Uses the host's network settings: its name server, its proxy, its pip index and the certificate
# authorities added to it.
host_settings() {
  local key value
  cp --remove-destination /etc/resolv.conf "$root/etc/resolv.conf"
  mkdir -p "$root/usr/local/share/ca-certificates"
  cp -f /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/" \
    2>/dev/null || true
  if [[ -n ${http_proxy:-} ]]; then
    printf 'Acquire::http::Proxy "%s";\n' "$http_proxy" >"$root/etc/apt/apt.conf.d/90proxy"
  fi
  printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >"$root/etc/pip.conf"
  for key in index-url proxy timeout; do
    value=$(pip config get ":env:.$key" 2>/dev/null || pip config get "global.$key" 2>/dev/null) ||
      continue
    printf '%s = %s\n' "$key" "$value" >>"$root/etc/pip.conf"
  done
}

configure() {
  local here=$repository/tests/live/arm64
  echo arm64 >"$root/etc/hostname"
  printf '127.0.0.1 localhost arm64\n' >"$root/etc/hosts"
  echo 'nameserver 10.0.2.3' >"$root/etc/resolv.conf"
  printf '/dev/vda / ext4 defaults 0 1\n' >"$root/etc/fstab"
  printf '[Match]\nName=en*\n[Network]\nDHCP=yes\n' >"$root/etc/systemd/network/wired.network"
  cp "$here/check.service" "$root/etc/systemd/system/"
  in_system systemctl enable systemd-networkd check.service
  in_system passwd -d root
  # In an emulator on a busy host, booting takes minutes.
  mkdir -p "$root/etc/systemd/system.conf.d"
  printf '[Manager]\nDefaultTimeoutStartSec=15min\nDefaultDeviceTimeoutSec=15min\n' \
    >"$root/etc/systemd/system.conf.d/patience.conf"
  mkdir -p "$root/etc/systemd/system/serial-getty@ttyAMA0.service.d"
  printf '[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root - linux\n' \
    >"$root/etc/systemd/system/serial-getty@ttyAMA0.service.d/root.conf"
}

build() {
  need debootstrap debootstrap
  need mke2fs e2fsprogs
  ((EUID == 0)) || fail "debootstrap needs root" "sudo FOLDER=$folder $0 build"
  mkdir -p "$folder"
  register_arm64
  trap 'umount "$root/proc" 2>/dev/null || true' EXIT
  [[ -e $root/.bootstrapped ]] || { say "bootstrapping Debian $suite arm64" && bootstrap; }
  say "packages"
  install_packages
  configure
  umount "$root/proc"
  say "image"
  cp "$root"/boot/vmlinuz-* "$folder/vmlinuz"
  cp "$root"/boot/initrd.img-* "$folder/initrd.img"
  rm -f "$image"
  mke2fs -q -t ext4 -d "$root" "$image" 6G
  du -h "$image"
}

# Creates a fresh disk on top of the image, which remains unchanged.
fresh_disk() {
  need qemu-img qemu-utils
  [[ -e $image ]] || fail "there is no image in $folder" "$0 build"
  qemu-img create -q -f qcow2 -F raw -b "$image" "$disk"
}

# Boots the disk; further arguments are passed to the emulator.
emulate() {
  need qemu-system-aarch64 qemu-system-arm
  [[ -e $disk ]] || fresh_disk
  exec nice qemu-system-aarch64 -M virt -cpu cortex-a72 -smp 2 -m 2G -accel tcg,thread=multi \
    -nodefaults -display none -no-reboot \
    -kernel "$folder/vmlinuz" -initrd "$folder/initrd.img" \
    -append "root=/dev/vda rw console=ttyAMA0 quiet" \
    -drive "if=none,id=system,file=$disk,format=qcow2,cache=unsafe" \
    -device virtio-blk-pci,drive=system \
    -netdev user,id=net -device virtio-net-pci,netdev=net,romfile= \
    -object rng-random,id=random,filename=/dev/urandom -device virtio-rng-pci,rng=random \
    "$@"
}

tracked_files() { git -C "$repository" ls-files -z --cached --others --exclude-standard; }

# Builds wheels as docs/service.md describes for a device without a network, in user-mode emulation,
# which is faster. The tools for it go into a layer over the system, so that its image stays small.
wheels() {
  local system=$root layer=$folder/layer tools=(python3-pip)
  [[ -e $image ]] || fail "there is no system in $folder" "$0 build"
  register_arm64
  rm -rf "$layer"
  mkdir -p "$layer"/{changes,work,root} "$folder/wheels"
  root=$layer/root
  trap 'umount "$root/wheels" "$root/proc" "$root" 2>/dev/null || true' EXIT
  mount -t overlay -o "lowerdir=$system,upperdir=$layer/changes,workdir=$layer/work" none "$root"
  mount -t proc proc "$root/proc"
  mkdir "$root/wheels" "$root/emotiond"
  mount --bind "$folder/wheels" "$root/wheels"
  host_settings
  in_system update-ca-certificates
  tracked_files | tar -C "$repository" --null --files-from - --create |
    tar -C "$root/emotiond" --extract
  in_system apt-get update -qq
  [[ -n $(find "$folder/wheels" -name 'pyaudio-*.whl') ]] ||
    tools+=(python3-dev gcc libc6-dev portaudio19-dev)
  in_system apt-get install -y -qq --no-install-recommends "${tools[@]}"
  sed '/^ *--hash=/d; s/ *\\$//' "$repository/requirements/device.txt" >"$root/emotiond/versions"
  in_system python3 -m pip wheel --find-links /wheels --wheel-dir /wheels \
    --constraint /emotiond/versions /emotiond
}

# The wheels are what gets installed, so they must be built from the tree to be checked.
refuse_stale_wheels() {
  local changed wheel=("$WHEELS"/emotiond-*.whl)
  changed=$(find "$repository"/{pyproject.toml,requirements,edge,converter,models,configs,samples} -type f \
    ! -path '*/__pycache__/*' -newer "${wheel[0]}" -print -quit)
  [[ -z $changed ]] || fail "$changed is newer than ${wheel[0]}" "$0 wheels"
}

run() {
  local report=$folder/report.txt tree=$folder/repository.tar
  if [[ -n ${WHEELS:-} ]]; then refuse_stale_wheels; fi
  tracked_files | tar -C "$repository" --null --files-from - --create --file "$tree"
  if [[ -n ${WHEELS:-} ]]; then
    tar -C "$WHEELS" --transform 's,^\.,./wheels,' --append --file "$tree" .
  fi
  : >"$report"
  emulate -serial chardev:console \
    -chardev "socket,id=console,path=$folder/console,server=on,wait=off,logfile=$folder/console.log" \
    -drive "if=none,id=tree,file=$tree,format=raw,readonly=on" -device virtio-blk-pci,drive=tree \
    -device virtio-serial-pci -chardev "file,id=report,path=$report" \
    -device virtserialport,chardev=report,name=report &
  emulator=$!
  trap 'kill "$emulator" 2>/dev/null || true' EXIT
  timeout "${TIMEOUT_S:-5400}" tail --pid "$emulator" --lines +1 --follow "$report" || true
  grep -q '^finished' "$report" ||
    fail "the checks did not finish" "read $folder/console.log"
  wait "$emulator"
  if grep -q '^not ok' "$report"; then exit 1; fi
}

case ${1:-} in
build) build ;;
wheels) wheels ;;
run) fresh_disk && run ;;
again) run ;;
shell) emulate -serial mon:stdio ;;
-h | --help) usage ;;
*)
  usage >&2
  exit 2
  ;;
esac
