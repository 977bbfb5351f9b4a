# shellcheck shell=bash
# How set-up talks: one aligned line for each thing it does, and one clear last word.

# say WORD TEXT
say() {
  printf '  %-12s%s\n' "$1" "$2"
}

# stop LINE...: the reason, then what to do about it.
stop() {
  {
    printf '\nSet-up stopped: %s\n' "$1"
    shift
    (($# == 0)) || printf '    %s\n' "$@"
  } >&2
  exit 1
}

# stop_for WHAT PACKAGE...: WHAT was not found and could not be installed.
stop_for() {
  local what=$1
  shift
  stop "$what was not found." \
    "Debian and Ubuntu:  sudo apt-get install $*" \
    "elsewhere:          install $what, and run \`make setup\` again"
}

# quietly WORD COMMAND...: the command's output goes to the log, and its end to the screen
# if it fails.
quietly() {
  local word=$1
  shift
  if ! "$@" >>"$LOG" 2>&1 </dev/null; then
    tail -n 15 "$LOG" >&2
    say "$word" "failed: $*"
    return 1
  fi
}
