# shellcheck shell=bash
# The environment `.venv`: a Python 3.10 to 3.13 of the system and requirements-dev.txt.

# A version manager may leave commands on the path that only print an error, so a
# candidate has to run, and to show that it can make an environment with pip.
readonly PYTHON_CHECK='
import ensurepip, platform, sys, venv
sys.exit(not ((3, 10) <= sys.version_info[:2] <= (3, 13) and platform.machine() == "x86_64"))
'

is_suitable_python() {
  "$1" -c "$PYTHON_CHECK" >/dev/null 2>&1 </dev/null
}

# find_python: prints the command.
find_python() {
  local candidate candidates=(python3 python3.{11,12,13,10})
  [[ -z ${PYTHON:-} ]] || candidates=("$PYTHON")
  for candidate in "${candidates[@]}"; do
    if is_suitable_python "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

# python_packages: Debian keeps ensurepip in a package of its own.
python_packages() {
  echo python3
  echo python3-venv
}

version_of() {
  "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

# Whether `.venv` is whole, in range, and of the version that was asked for.
is_environment_usable() {
  is_suitable_python .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1 &&
    [[ -z ${PYTHON:-} || $(version_of .venv/bin/python) == "$(version_of "$PYTHON")" ]]
}

make_environment() {
  if is_environment_usable; then
    say python "$(version_of .venv/bin/python), .venv is there"
  else
    local python
    python=$(find_python) || stop_for "Python 3.10 to 3.13 with venv" python3 python3-venv
    say python "$(version_of "$python") at $(command -v "$python"), making .venv"
    rm -rf .venv
    quietly python "$python" -m venv .venv || stop "the environment could not be made."
  fi
  say python "pip install -r requirements-dev.txt (TensorFlow is large: minutes at first)"
  # What is imported is compiled then; most of what is installed never is.
  PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    quietly python .venv/bin/python -m pip install --no-compile --requirement requirements-dev.txt ||
    stop "pip could not install requirements-dev.txt; is the package index reachable?"
}
