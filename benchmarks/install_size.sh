#!/usr/bin/env bash
# Measures what `pip install .` puts on a device, by installing into an empty folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --target "$folder" .
du -sm "$folder"/* | sort -rn | head -12
du -sm "$folder" | awk '{print "in all " $1 " MiB"}'
