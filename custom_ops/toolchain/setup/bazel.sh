# shellcheck shell=bash
# Bazel 4 (Debian's and Ubuntu's bazel-bootstrap) to 7 (bazelisk, see .bazeliskrc).

# bazel_version COMMAND: Debian's has no version number, and is a 4.2.
bazel_version() {
  local answer
  answer=$(timeout 300 "$1" --version 2>/dev/null </dev/null) || return 1
  case $answer in
    "bazel no_version") echo 4.2 ;;
    "bazel "[0-9]*) echo "${answer#bazel }" ;;
    *) return 1 ;;
  esac
}

bazel_major() {
  bazel_version "$1" | cut -d. -f1
}

is_suitable_bazel() {
  local path major
  path=$(command -v "$1") || return 1
  major=$(bazel_major "$path") || return 1
  [[ $major =~ ^[0-9]+$ ]] && ((major >= 4 && major <= 7)) && echo "$path"
}

# find_bazel: prints its path.
find_bazel() {
  if [[ -n ${BAZEL:-} ]]; then
    is_suitable_bazel "$BAZEL"
  else
    is_suitable_bazel bazel || is_suitable_bazel bazelisk
  fi
}
