# shellcheck shell=bash
# The compiler: clang, since GCC 12 halves the speed of the kernels. GCC is tested apart
# (`make test-gcc`).

# The version that the numbers in the README come from is preferred, then the newest.
readonly CLANG_DEVELOPED=19
readonly CLANG_OLDEST=15
readonly CLANG_NEWEST=40

# clang_major COMMAND
clang_major() {
  "$1" -dumpversion 2>/dev/null | cut -d. -f1
}

# Finds its C++ headers too: clang takes them from the newest GCC it sees, which may have
# come without its libstdc++.
compiles_cxx() {
  "$1" -x c++ -std=c++17 -fsyntax-only - <<<'#include <string>' 2>/dev/null
}

is_suitable_clang() {
  local path major
  path=$(command -v "$1") || return 1
  major=$(clang_major "$path") || return 1
  [[ $("$path" --version) == *clang* && $major =~ ^[0-9]+$ ]] && ((major >= CLANG_OLDEST)) && compiles_cxx "$path" && echo "$path"
}

# find_clang: prints its path.
find_clang() {
  local version
  if [[ -n ${CLANG:-} ]]; then
    is_suitable_clang "$CLANG"
    return
  fi
  is_suitable_clang "clang-$CLANG_DEVELOPED" && return
  for ((version = CLANG_NEWEST; version >= CLANG_OLDEST; version--)); do
    is_suitable_clang "clang-$version" && return
  done
  is_suitable_clang clang
}

# clang_packages: what to install where there is none, by what this release offers.
clang_packages() {
  local version
  for version in "$CLANG_DEVELOPED" $(seq "$CLANG_NEWEST" -1 "$CLANG_OLDEST"); do
    if has_candidate "clang-$version"; then
      echo "clang-$version"
      ! has_candidate "libclang-rt-$version-dev" || echo "libclang-rt-$version-dev"
      return
    fi
  done
  echo "clang-$CLANG_DEVELOPED"
}

# missing_sanitizer: the package with AddressSanitizer's runtime, if clang came without.
missing_sanitizer() {
  local clang runtime
  clang=$(find_clang) || return 0
  for runtime in libclang_rt.asan-x86_64.a libclang_rt.asan.a; do
    [[ ! -e $("$clang" -print-file-name="$runtime") ]] || return 0
  done
  echo "libclang-rt-$(clang_major "$clang")-dev"
}
