#!/usr/bin/env bash
# Makes what benchmarks/instructions.py runs: Debian 12's Python with the locked libraries, for
# x86-64 and for arm64, and the plugin that counts.
#
#     benchmarks/emulation.sh FOLDER
#
# Needs gcc, qemu-user and mmdebstrap, and downloads 300 MB. Nothing of it runs while it is made, so
# the kernel need not know foreign programs.
set -euo pipefail
folder=$(realpath -m "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p "$folder"
# All that have wheels; PyAudio has none, and no stage needs it.
awk '/^[a-z]/ { skip = /^pyaudio==/ } !skip' requirements/demo.txt >"$folder/libraries.txt"
gcc -O2 -shared -fPIC -Wall -Wextra -o "$folder/counter.so" benchmarks/harness/counter.c

make_root() { # architecture, the name that wheels have for it
  local root=$folder/$1 platforms=()
  mmdebstrap --quiet --arch="$1" --variant=extract --skip=check/qemu \
    --include=libgcc-s1,libglib2.0-0,libstdc++6,python3 bookworm "$root"
  for libc in 17 24 26 27 28; do
    platforms+=(--platform "manylinux_2_${libc}_$2")
  done
  python3 -m pip install --quiet --no-deps --no-compile --only-binary=:all: --python-version 3.11 \
    "${platforms[@]}" --platform "manylinux2014_$2" --requirement "$folder/libraries.txt" \
    --target "$root/site"
}

make_root amd64 x86_64
make_root arm64 aarch64

# LiteRT sizes its tables of caches by this file; this machine's would end it.
mkdir -p "$folder/arm64/proc"
for core in 0 1 2 3; do
  printf '%s\t: %s\n' processor "$core" BogoMIPS 108.00 Features "fp asimd evtstrm crc32 cpuid" \
    "CPU implementer" 0x41 "CPU architecture" 8 "CPU variant" 0x0 "CPU part" 0xd08 "CPU revision" 3
  echo
done >"$folder/arm64/proc/cpuinfo"
