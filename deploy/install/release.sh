# shellcheck shell=bash
# Builds a release: a virtual environment in its final place, named after its version. Sourced.
#
# Its file `content` is written last: a folder without it is incomplete and is built again.

# Sets `version`, `content` and `release` for what will be installed.
name_release() {
  local shown
  if [[ -n $wheels ]]; then
    shown=$(find "$wheels" -maxdepth 1 -name 'emotiond-*.whl' | sort -V | tail -1)
    [[ -n $shown ]] || fail "no emotiond-*.whl in $wheels" \
      "build it where there is a network: python3 -m pip wheel --no-deps --wheel-dir DIR ."
    version=$(basename "$shown" | cut -d- -f2)
  else
    version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' edge/__init__.py)
  fi
  content=$(content_hash)
  release=$base/releases/$version
  if [[ -e $release/content && $(<"$release/content") != "$content" ]]; then
    release=$release+${content:0:8}
  fi
}

# Prints one hash of everything that a release is built from.
content_hash() {
  {
    "$python" -VV
    files_of_unit | xargs -0 sha256sum
    sha256sum requirements/build.txt "$(lock_file)"
    if [[ -n $wheels ]]; then
      (cd "$wheels" && find . -maxdepth 1 -name '*.whl' -print0 | sort -z | xargs -0 sha256sum)
    else
      find pyproject.toml edge emotiond converter models configs samples -type f \
        ! -path '*/__pycache__/*' -print0 | sort -z | xargs -0 sha256sum
    fi
  } | sha256sum | cut -d' ' -f1
}

# Succeeds if the page and REST API are installed too: now, or since they were asked for before.
wants_web() { [[ -n $web || -e $base/web ]]; }

lock_file() { if wants_web; then echo requirements/web.txt; else echo requirements/device.txt; fi; }

files_of_unit() { find systemd -type f -print0 | sort -z; }

is_whole() { [[ -e $1/content ]]; }

make_release() {
  local folder=${wheels:-$base/building/wheels}
  if is_whole "$release"; then
    say "release: $(basename "$release") is already built"
    return
  fi
  check_space
  ensure require_venv require_libraries
  say "release: $(basename "$release") in $release (this takes minutes)"
  local pip=("$release/bin/python" -I -m pip --disable-pip-version-check)
  run rm -rf "$release"
  run mkdir -p "$base/wheels" "$base/building" "$(dirname "$release")"
  # What an interrupted build left there was nobody's: root must not write through a link in it.
  run chown root:root "$base/building"
  run find "$base/building" -mindepth 1 -maxdepth 1 ! -name cache -exec rm -rf {} +
  run "$python" -I -m venv "$release" ||
    fail "cannot make a virtual environment in $release" "apt-get install python3-venv"
  [[ -n $dry_run ]] || split_lock
  [[ -n $wheels ]] || collect_wheels
  run "${pip[@]}" install --quiet --no-index --find-links "$folder" \
    --constraint "$base/building/versions.txt" "emotiond$(wants_web && echo '[web]')==$version" ||
    fail "pip could not install the wheels; $(still_running)" \
      "read pip's message above: is each version of $(lock_file) in $folder?"
  check_release
  run cp -r systemd README.md docs "$release/"
  # Computed again: apt-get may have updated Python itself with the packages.
  [[ -n $dry_run ]] || content_hash >"$release/content"
  # With PyAudio's wheel, the next release needs no compiler.
  [[ -n $wheels || -n $dry_run ]] ||
    find "$folder" -type f -iname 'pyaudio-*' -exec cp --target-directory "$base/wheels" {} +
  run rm -rf "$base/building"
}

require_libraries() {
  require libportaudio2 sh -c 'ldconfig -p | grep -q libportaudio.so.2'
  require ca-certificates test -e /etc/ssl/certs/ca-certificates.crt
}

# Splits the lock file: PyAudio, which is built here, all others, and the versions without hashes,
# which also hold for wheels that were built locally.
split_lock() {
  local lock folder=$base/building
  lock=$(lock_file)
  awk '/^[^ #]/ { pyaudio = /^pyaudio==/ } pyaudio' "$lock" >"$folder/pyaudio.txt"
  awk '/^[^ #]/ { pyaudio = /^pyaudio==/ } !pyaudio' "$lock" >"$folder/others.txt"
  sed '/^ *--hash=/d; s/ *\\$//' "$lock" >"$folder/versions.txt"
}

# Collects the package and everything that it needs as wheels, in the locked versions and with their
# hashes checked. What is downloaded and built runs without root's rights, in a folder of its own.
collect_wheels() {
  local source=$base/building/source
  run mkdir "$source"
  run cp -r pyproject.toml README.md LICENSE edge emotiond converter models configs samples "$source"
  run cp requirements/build.txt "$base/building/build.txt"
  run chown -R "$nobody:$nobody" "$base/building"
  { run_pip install --upgrade --target "$base/building/tools" --require-hashes \
    -r "$base/building/build.txt" &&
    build_wheels --require-hashes -r "$base/building/others.txt" &&
    collect_pyaudio &&
    build_wheels --no-deps "$source"; } ||
    fail "pip could not fetch or build the packages; $(still_running)" \
      "read pip's message above and check the network, then run this again; it resumes here"
  run chown -R root:root "$base/building"
}

# Runs the release's own pip as nobody. It does not use /tmp, which is small if it is in memory, and
# its downloads survive a failure.
run_pip() {
  unprivileged env HOME="$base/building" TMPDIR="$base/building" \
    PIP_CACHE_DIR="$base/building/cache" PYTHONPATH="$base/building/tools" \
    "${pip[@]}" "$1" --quiet "${@:2}"
}

build_wheels() { run_pip wheel --no-build-isolation --wheel-dir "$base/building/wheels" "$@"; }

# Builds PyAudio, which has no wheels for Linux, unless an earlier release did.
collect_pyaudio() {
  if [[ -z $dry_run ]] && build_wheels --no-index --find-links "$base/wheels" \
    --constraint "$base/building/versions.txt" pyaudio 2>/dev/null; then
    return
  fi
  ensure require_compiler
  build_wheels --require-hashes -r "$base/building/pyaudio.txt" || return
  if ((${#added[@]})); then
    say "${added[*]}: needed for the build only; \`apt autoremove\` removes them"
    run apt-mark auto "${added[@]}" >/dev/null
  fi
}

# Checks that everything loads, so that no system library is missing.
check_release() {
  unprivileged "$release/bin/python" -I -c \
    'import ai_edge_litert.interpreter, cv2, pyaudio, soundfile, soxr' &&
    unprivileged "$release/bin/python" -I -m edge.cli check-config "$(default_of "$release")" \
      >/dev/null ||
    fail "the new release does not load here; $(still_running)" \
      "install what the lines above name as missing, then run this again"
}

still_running() {
  if [[ ! -L $base/current ]]; then
    printf 'no release was running before, and none is now'
  elif is_running; then
    printf 'release %s is still running' "$(named current)"
  else
    printf 'release %s stays current' "$(named current)"
  fi
}

# Removes all releases except the current and the previous one.
prune_releases() {
  local folder
  for folder in "$base"/releases/*; do
    [[ -d $folder ]] || continue
    case $(basename "$folder") in
    "$(named current)" | "$(named previous)") ;;
    *) run rm -rf "$folder" ;;
    esac
  done
}

# Prints the name of the release that a link points at, if there is one.
named() { if [[ -L $base/$1 ]]; then basename "$(readlink "$base/$1")"; fi; }

# Points a link at a release, atomically.
point() {
  run ln -sfn "releases/$2" "$base/$1.new"
  run mv -T "$base/$1.new" "$base/$1"
}
