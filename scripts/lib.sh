# Sourced by the scripts of this folder: where things are, and how to say what is happening.
# shellcheck shell=bash

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jobs=$(nproc)
export CCACHE_BASEDIR=$root

say() { printf '\033[1m== %s\033[0m\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# build PRESET [TARGET...]: configures and builds below build/PRESET.
build() {
  local preset=$1
  shift
  say "build: $preset"
  mkdir -p "$root/build"
  (cd "$root" && cmake --preset "$preset" >"$root/build/$preset.configure.log" 2>&1) ||
    { cat "$root/build/$preset.configure.log" >&2; die "cmake --preset $preset failed"; }
  cmake --build "$root/build/$preset" -j "$jobs" ${1:+--target "$@"} -- --quiet ||
    die "the build of preset $preset failed"
}
