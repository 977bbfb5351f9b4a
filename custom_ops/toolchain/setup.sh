#!/usr/bin/env bash
# Makes this checkout ready to build, test and run: `make setup` calls it, and so does
# every other target first.
#
#   .venv/           Python 3.10 to 3.13 with requirements-dev.txt
#   .bazelrc.local   what Bazel has to know of this machine
#   .build/          which Bazel to call, a log, and the stamp that makes a second run quick
#
# System packages are installed through apt-get, as root or with sudo, and only the ones
# that are missing. Where that is not possible it stops and says what to install. It may be
# run again at any time; `rm -r .venv .build` starts over.
#
#   PYTHON=python3.12 make setup     uses that interpreter
#   BAZEL=bazelisk make setup        uses that Bazel (4 to 7)
#   CLANG=clang-17 make setup        uses that compiler (15 or newer)
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
ROOT=$PWD
STATE=$ROOT/.build
LOG=$STATE/setup.log
mkdir -p "$STATE"

for part in say system compiler bazel python; do
  # shellcheck source=/dev/null
  source "custom_ops/toolchain/setup/$part.sh"
done

# What the result depends on. Another answer means to look at everything again.
fingerprint() {
  cat requirements-dev.txt custom_ops/toolchain/setup.sh custom_ops/toolchain/setup/*.sh
  echo "$ROOT ${PYTHON:-} ${BAZEL:-} ${CLANG:-}"
}

is_ready() {
  [[ -x .venv/bin/python && -f .bazelrc.local && -f $STATE/setup.stamp ]] &&
    [[ -x $(cat "$STATE/bazel") && -x $(cat "$STATE/clang") ]] &&
    [[ $(fingerprint | sha256sum) == "$(cat "$STATE/setup.stamp")" ]]
}

# What the caller chose has to serve; nothing is installed or taken in its place.
check_choices() {
  [[ -z ${PYTHON:-} ]] || is_suitable_python "$PYTHON" ||
    stop "\`PYTHON\` should be a Python 3.10 to 3.13 with venv and ensurepip, on x86-64. Received: $PYTHON"
  [[ -z ${BAZEL:-} ]] || find_bazel >/dev/null ||
    stop "\`BAZEL\` should be a Bazel 4 to 7. Received: $BAZEL"
  [[ -z ${CLANG:-} ]] || find_clang >/dev/null ||
    stop "\`CLANG\` should be a clang $CLANG_OLDEST or newer that compiles C++17. Received: $CLANG"
}

write_bazelrc() {
  local bazel=$1 clang=$2 tensorflow
  tensorflow=$(.venv/bin/python -c 'import importlib.metadata as m; print(m.version("tensorflow"))')
  {
    echo "# Written by custom_ops/toolchain/setup.sh for this machine."
    echo "build --repo_env=CC=$clang"
    echo "build --repo_env=TFSPARSE_PYTHON=$ROOT/.venv/bin/python"
    echo "build --repo_env=TFSPARSE_TENSORFLOW=$tensorflow"
    # Warnings stop the build only for the compiler that the project is developed with.
    if [[ $(clang_major "$clang") == "$CLANG_DEVELOPED" ]]; then
      echo "build --config=werror"
    fi
    # There is a WORKSPACE and no MODULE.bazel; older Bazels do not know the flag.
    if (($(bazel_major "$bazel") >= 6)); then
      echo "common --noenable_bzlmod"
    fi
  } >.bazelrc.local.new
  # An equal file stays as it is, so that Bazel has nothing to think about.
  if cmp -s .bazelrc.local.new .bazelrc.local; then
    rm .bazelrc.local.new
  else
    mv .bazelrc.local.new .bazelrc.local
  fi
}

main() {
  exec 9>"$STATE/setup.lock"
  flock 9
  if is_ready; then
    return
  fi
  rm -f "$STATE/setup.stamp"
  echo "Setting up $ROOT (log: .build/setup.log)"
  : >"$LOG"

  check_choices
  # Packages of the system and of Python come from different places, so they come together.
  local environment=
  if find_python >/dev/null; then
    make_environment &
    environment=$!
    trap 'kill "$environment" 2>/dev/null || true' EXIT
  fi
  install_missing_packages
  local bazel clang
  bazel=$(find_bazel) || stop_for "Bazel 4 to 7" bazel-bootstrap
  clang=$(find_clang) || stop_for "clang $CLANG_OLDEST or newer" "clang-$CLANG_DEVELOPED"
  say bazel "$(bazel_version "$bazel") at $bazel"
  say compiler "clang $(clang_major "$clang") at $clang"

  if [[ -n $environment ]]; then
    wait "$environment" || exit 1
    trap - EXIT
  else
    make_environment
  fi
  write_bazelrc "$bazel" "$clang"
  echo "$bazel" >"$STATE/bazel"
  echo "$clang" >"$STATE/clang"
  fingerprint | sha256sum >"$STATE/setup.stamp"
  say ready "a second run takes no time; \`make help\` lists what to do next"
}

main "$@"
