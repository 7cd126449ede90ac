#!/bin/sh
# Ends the processes that a Snakepit runtime leaves behind when it dies without doing that itself.
#
# The runtime holds the other end of stdin and writes lines:
#   + PGID START   this process group is ours to end; START is its leader's start time, - when unknown
#   - PGID         nothing of this group lives any more
#   bye            the runtime ends in order, nothing is left to do
# The end of stdin without bye says that the runtime is dead, however it died. Until then this script
# is blocked in read: it never polls. It answers `ready`, and `fault …` when it cannot do its work.
#
# Settings, from the environment:
#   SNAKEPIT_WATCHDOG_GRACE    whole seconds between TERM and KILL; default 3
#   SNAKEPIT_WATCHDOG_MARKER   NAME=value that the environment of every process of the run holds; default none
#   SNAKEPIT_WATCHDOG_LOG      file to which every step is appended; default none
#
# POSIX sh; dash, bash, busybox and mksh are tested. A group is signalled by the builtin, spelled
# `kill -TERM -PGID`: every other spelling does nothing, without a word, in one of the four.

grace=${SNAKEPIT_WATCHDOG_GRACE:-3}
marker=${SNAKEPIT_WATCHDOG_MARKER:-}
log_file=${SNAKEPIT_WATCHDOG_LOG:-}
case $grace in '' | *[!0-9]* | ?????*) grace=3 ;; esac
# What we start must not look like a process of the run.
unset SNAKEPIT_WATCHDOG_GRACE SNAKEPIT_WATCHDOG_MARKER SNAKEPIT_WATCHDOG_LOG
LC_ALL=C
export LC_ALL

proc=/proc
[ -r "$proc/self/stat" ] || proc=

groups=' ' # " 123:4567 124:4570 ": what is to be ended, by leader and start time.
can_signal_groups= # Not known before the first group is here.
asked=' ' # Marked processes that were sent TERM.

# Looks at names of files only where it says so.
set -f

log() {
  [ -z "$log_file" ] || echo "snakepit-watchdog[$$] $*" 2>/dev/null >>"$log_file"
}

# To the runtime; it may be gone.
tell() {
  echo "$*" 2>/dev/null
}

# Digits only, above 1, and not our own group: a signal to 0, 1 or -1 would hit everybody.
is_group() {
  case $1 in '' | 0* | 1 | *[!0-9]* | ??????????* | "$$") return 1 ;; esac
}

watch() { # PGID START
  is_group "$1" || return 0
  case $2 in '' | *[!0-9A-Za-z:_-]* | ?????????????????????????????????*) return 0 ;; esac
  forget "$1"
  groups="$groups$1:$2 "
  log "watches $1 ($2)"
  [ -n "$can_signal_groups" ] || check_signals "$1"
}

forget() { # PGID
  case $groups in
    *" $1:"*)
      forgotten=${groups#*" $1:"}
      groups="${groups%%" $1:"*} ${forgotten#* }"
      log "forgets $1"
      ;;
  esac
}

# A shell whose kill knows no groups would end nobody, and nobody would notice before it counts.
check_signals() { # PGID
  if kill -0 "-$1" 2>/dev/null; then
    can_signal_groups=yes
  elif kill -0 "$1" 2>/dev/null; then
    can_signal_groups=no
    tell "fault kill of this shell does not signal process groups"
    log "cannot signal groups"
  fi
}

# Start time of a process, in $started; fails when there is none.
start_time() { # PID
  if [ -n "$proc" ]; then
    { read -r started <"$proc/$1/stat"; } 2>/dev/null || return 1
    # Behind the last bracket: a process may call itself `) S 1 (x`.
    # shellcheck disable=SC2086 # Fields are what is wanted.
    set -- ${started##*) }
    started=${20}
  else
    case $starts in
      *" $1:"*)
        started=${starts#*" $1:"}
        started=${started%% *}
        ;;
      *) return 1 ;;
    esac
  fi
}

# Without /proc: start times of all processes, in $starts, each a word; asked once, for ps takes its time.
read_starts() {
  [ -z "$proc" ] || return 0
  starts=$(
    ps -axo pid=,lstart= 2>/dev/null | while read -r pid weekday month day time year; do
      echo "$pid:${weekday}_${month}_${day}_${time}_$year"
    done
  )
  # shellcheck disable=SC2086 # Words are what is wanted.
  set -- $starts
  starts=" $* "
}

# Whether the number still means the group that was registered: a leader that lives must have started
# when that one did; one that is gone leaves its number to its members, and to nobody else.
is_same() { # PGID START
  [ "$2" != - ] || return 0
  start_time "$1" || return 0
  [ "$started" = "$2" ]
}

signal_groups() { # SIGNAL
  read_starts
  for entry in $groups; do
    is_same "${entry%%:*}" "${entry#*:}" || {
      log "${entry%%:*} belongs to somebody else now"
      forget "${entry%%:*}"
      continue
    }
    kill "-$1" "-${entry%%:*}" 2>/dev/null && log "sent $1 to group ${entry%%:*}"
    # A stopped process would not see TERM before it is continued.
    [ "$1" = KILL ] || kill -CONT "-${entry%%:*}" 2>/dev/null
  done
}

# State and group of every process.
list_states() {
  if [ -z "$proc" ]; then
    ps -axo stat=,pgid= 2>/dev/null
    return
  fi
  set +f
  for file in "$proc"/[0-9]*/stat; do
    { read -r stat <"$file"; } 2>/dev/null || continue
    stat=${stat##*) }
    state=${stat%% *}
    stat=${stat#* * }
    echo "$state ${stat%% *}"
  done
}

# Forgets the groups that are gone; their numbers are free for others. Fails when none is left.
# An unreaped zombie keeps a number in use, so the states are asked where the kernel says "is there".
any_group_lives() {
  for entry in $groups; do
    kill -0 "-${entry%%:*}" 2>/dev/null || forget "${entry%%:*}"
  done
  [ "$groups" != ' ' ] || return 1
  list_states | (
    seen=
    while read -r state group; do
      seen=yes
      case $state in Z* | X* | x*) continue ;; esac
      case $groups in *" $group:"*) exit 0 ;; esac
    done
    # Where no states can be read, what the kernel says must do.
    [ -z "$seen" ]
  )
}

# Whether a process belongs to a group that is being ended anyway.
is_in_watched_group() { # PID
  if [ -n "$proc" ]; then
    { read -r stat <"$proc/$1/stat"; } 2>/dev/null || return 1
    stat=${stat##*) }
    stat=${stat#* * }
    group=${stat%% *}
  else
    group=$(ps -o pgid= -p "$1" 2>/dev/null) || return 1
    group=${group##* }
  fi
  case $groups in *" $group:"*) ;; *) return 1 ;; esac
}

# Numbers of the processes that carry the marker, in $marked.
find_marked() {
  marked=
  [ -n "$marker" ] || return 0
  if [ -n "$proc" ]; then
    set +f
    # Through a pipe, because so many names may be too long for a command line.
    marked=$(echo "$proc"/[0-9]*/environ | xargs grep -lzxF -e "$marker" 2>/dev/null)
    set -f
    # shellcheck disable=SC2086 # Words are what is wanted.
    set -- $marked
    marked=
    for file; do
      file=${file#"$proc/"}
      marked="$marked ${file%/environ}"
    done
    return 0
  fi
  # The environment behind the command (macOS, then BSD), and the run's id in its arguments where that is hidden.
  run_id=${marker#SNAKEPIT_RUN_}
  run_id=${run_id%%=*}
  marked=$(
    { ps -axEww -o pid=,command= 2>/dev/null || ps axeww -o pid=,command= 2>/dev/null; } |
      while read -r pid command; do
        case " $command " in
          *" $marker "* | *" --snakepit-run-id $run_id "*) echo "$pid" ;;
        esac
      done
  )
}

signal_marked() { # SIGNAL
  for pid in $marked; do
    is_group "$pid" || continue
    if [ "$1" = KILL ]; then
      kill -KILL "$pid" 2>/dev/null && log "sent KILL to marked process $pid"
      continue
    fi
    case $asked in *" $pid "*) continue ;; esac
    asked="$asked$pid "
    # Asked twice, a program may take it for impatience.
    ! is_in_watched_group "$pid" || continue
    kill "-$1" "$pid" 2>/dev/null && log "sent $1 to marked process $pid"
    kill -CONT "$pid" 2>/dev/null
  done
}

# Hundredths of a second since the first call, in $elapsed. Where the machine tells no time without a
# process of its own, naps are counted.
read_time() {
  if [ -n "$proc" ] && { read -r uptime rest <"$proc/uptime"; } 2>/dev/null; then
    uptime=${uptime%%.*}${uptime##*.}
    : "${began:=$uptime}"
    elapsed=$((uptime - began))
  else
    elapsed=$napped
  fi
}

nap() {
  if sleep 0.2 2>/dev/null; then
    napped=$((napped + 20))
  else
    sleep 1
    napped=$((napped + 100))
  fi
}

end_everything() {
  log "the runtime is gone"
  signal_groups TERM
  napped=0
  clean=0
  read_time
  # Beyond KILL half a minute: what lives then is stuck in the kernel, or hidden from us.
  while [ "$elapsed" -lt $((grace * 100 + 3000)) ]; do
    signal=TERM
    [ "$elapsed" -lt $((grace * 100)) ] || signal=KILL
    find_marked
    signal_marked "$signal"
    living=
    ! any_group_lives || living=yes
    [ -z "$living" ] || [ "$signal" = TERM ] || signal_groups KILL
    if [ -z "$living$marked" ]; then
      clean=$((clean + 1))
    else
      clean=0
    fi
    # One that was just being forked is seen by the next look.
    if [ "$clean" -ge 3 ]; then
      log "nothing is left"
      exit 0
    fi
    nap
    read_time
  done
  log "these do not end:$groups$marked"
  exit 1
}

# Service managers and terminals signal everybody; we are needed until the end.
trap '' HUP INT TERM PIPE

log "starts"
tell ready
# A last line without its end is half a number, which is another group: read fails, and it is not used.
while read -r verb group start rest; do
  case $verb in
    +) [ -n "$rest" ] || watch "$group" "$start" ;;
    -) is_group "$group" && forget "$group" ;;
    bye)
      log "bye"
      exit 0
      ;;
  esac
done
end_everything
