# shellcheck shell=bash
# Which system packages are missing, and how they get here.

# Libraries of tests (required) and of benchmarks (not): header, package.
readonly TEST_LIBRARIES=("gtest/gtest.h libgtest-dev")
readonly BENCHMARK_LIBRARIES=("dnnl.hpp libdnnl-dev")

has_header() {
  [[ -e /usr/include/$1 || -e /usr/local/include/$1 ]]
}

# packages_of "HEADER PACKAGE"...: the packages of the headers that are not there.
packages_of() {
  local header package
  for entry in "$@"; do
    read -r header package <<<"$entry"
    has_header "$header" || echo "$package"
  done
}

as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  else
    sudo "$@"
  fi
}

# Whether apt-get may be called at all. sudo may ask for a password, if somebody is there
# to type it.
can_install() {
  command -v apt-get >/dev/null || return 1
  [[ $(id -u) == 0 ]] && return 0
  command -v sudo >/dev/null || return 1
  sudo -n true 2>/dev/null || { [[ -t 0 ]] && sudo -v; }
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
    -o DPkg::Lock::Timeout=300 "$@"
}

apt_update() {
  as_root apt-get update -o DPkg::Lock::Timeout=300
}

has_candidate() {
  [[ $(apt-cache policy "$1" 2>/dev/null) == *"Candidate: "[!\(]* ]]
}

# required_packages: one a line. clang and Python may be there under several names, so
# their own files look for them.
required_packages() {
  command -v git >/dev/null || echo git
  command -v g++ >/dev/null || echo g++
  command -v readelf >/dev/null || echo binutils
  find_bazel >/dev/null || echo bazel-bootstrap
  find_clang >/dev/null || clang_packages
  missing_sanitizer
  find_python >/dev/null || python_packages
  packages_of "${TEST_LIBRARIES[@]}"
}

install_missing_packages() {
  local required optional
  mapfile -t required < <(required_packages)
  mapfile -t optional < <(packages_of "${BENCHMARK_LIBRARIES[@]}")
  if ((${#required[@]} + ${#optional[@]} == 0)); then
    say packages "all there"
    return
  fi
  if ! can_install; then
    ((${#required[@]} == 0)) ||
      stop "some system packages are missing, and cannot be installed from here." \
        "sudo apt-get install ${required[*]} ${optional[*]}" \
        "and run \`make setup\` again"
    say packages "without ${optional[*]}: \`make bench-kernels\` is not available"
    return
  fi

  say packages "apt-get update"
  quietly packages apt_update || say packages "going on with the package lists that are here"
  # What clang to ask for depends on the lists.
  mapfile -t required < <(required_packages)
  if ((${#required[@]} > 0)); then
    say packages "apt-get install ${required[*]}"
    quietly packages apt_install "${required[@]}" ||
      stop "these packages could not be installed (.build/setup.log says why):" "${required[*]}"
  fi
  if ((${#optional[@]} > 0)); then
    say packages "apt-get install ${optional[*]}"
    quietly packages apt_install "${optional[@]}" ||
      say packages "without them \`make bench-kernels\` is not available"
  fi
}
