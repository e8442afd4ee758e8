# Sourced by the scripts of this folder: goes to the root of the repository and makes .venv there ready to use.
# Afterwards $python is the interpreter of .venv, with what requirements.txt pins and jaxnn itself (editable).
# Written for bash 3.2, which is what macOS has.
set -euo pipefail

CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

caller=scripts/$(basename -- "$0")
python=.venv/bin/python
stamp=.venv/jaxnn-installed
log=.venv/jaxnn-install.log

say() { printf '%s: %s\n' "$caller" "$*" >&2; }

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

# Runs a command without its noise; shows the noise and stops with the command's exit code if it fails.
quietly() {
  local code=0
  "$@" >"$log" 2>&1 </dev/null || code=$?
  [ "$code" -eq 0 ] && return
  cat -- "$log" >&2
  say "failed with exit code $code: $*"
  exit "$code"
}

make_venv() {
  local name base=
  for name in python3.13 python3.12 python3.11 python3; do
    if is_new_enough "$name"; then
      base=$name
      break
    fi
  done
  if [ -z "$base" ]; then
    say "found no Python of at least 3.11 (looked for python3.13, python3.12, python3.11, python3); install one first"
    exit 1
  fi
  say "making .venv with $("$base" --version)"
  mkdir -p .venv
  quietly "$base" -m venv --clear .venv
}

# The state that .venv was installed for: where it lies (its commands hold that path) and the two files that say what
# goes in. The stamp is removed before an install and written after it: a broken-off install leaves none.
wanted() {
  pwd -P
  cat requirements.txt pyproject.toml
}

if ! is_new_enough "$python"; then
  make_venv
fi
if ! wanted | cmp -s - "$stamp"; then
  rm -f "$stamp"
  say "installing the pinned packages and jaxnn into .venv (a minute or so, once)"
  # a venv made by another tool, or broken off early, may lack pip
  "$python" -m pip --version >/dev/null 2>&1 || quietly "$python" -m ensurepip
  quietly "$python" -m pip install --require-hashes -r requirements.txt
  quietly "$python" -m pip install --no-deps --no-build-isolation -e .
  wanted >"$stamp"
fi
