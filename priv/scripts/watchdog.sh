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
leaderless=' ' # Groups whose leader was dead when it was looked for.

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

# Whether the leader of a group lives. A zombie does not; without /proc it cannot be told from one who does.
leader_lives() { # PGID
  if [ -z "$proc" ]; then
    kill -0 "$1" 2>/dev/null
    return
  fi
  { read -r stat <"$proc/$1/stat"; } 2>/dev/null || return 1
  case ${stat##*) } in Z* | X* | x*) return 1 ;; esac
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

# The groups of which somebody lives, in $living. Forgets those that are gone; their numbers are free for others.
# An unreaped zombie keeps a number in use, so the states are asked where the kernel says "is there".
find_living() {
  living=
  for entry in $groups; do
    kill -0 "-${entry%%:*}" 2>/dev/null || forget "${entry%%:*}"
  done
  [ "$groups" != ' ' ] || return 0
  living=$(
    list_states | (
      seen=
      found=
      while read -r state group; do
        seen=yes
        case $state in Z* | X* | x*) continue ;; esac
        case $groups in *" $group:"*) ;; *) continue ;; esac
        case "$found " in *" $group "*) ;; *) found="$found $group" ;; esac
      done
      # Where no states can be read, what the kernel says must do.
      [ -n "$seen" ] || for entry in $groups; do found="$found ${entry%%:*}"; done
      echo "${found# }"
    )
  )
}

# Ends the living groups whose worker is dead. So does the runtime while it lives, and nobody is there any more
# who would tell the others what to do. Only at the second look: they may just be dying of the same TERM.
end_leaderless() {
  for group in $living; do
    ! leader_lives "$group" || continue
    case $leaderless in
      *" $group "*)
        kill -KILL "-$group" 2>/dev/null && log "sent KILL to group $group, whose leader is dead"
        ;;
      *) leaderless="$leaderless$group " ;;
    esac
  done
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

# Names of those of the files on stdin that hold an entry; through a pipe, because so many names may be too
# long for a command line.
select_files() { # ENTRY
  xargs grep -lzxF -e "$1" 2>/dev/null
}

# A grep that cannot do this would find nobody, and nobody would notice before it counts.
can_search() {
  [ -n "$proc" ] && [ -n "$marker" ] || return 0
  found=$(
    export SNAKEPIT_WATCHDOG_PROBE=1
    echo /proc/self/environ | select_files SNAKEPIT_WATCHDOG_PROBE=1
  )
  [ -n "$found" ]
}

# Numbers of the processes that carry the marker, in $marked; when it was looked for them, in $looked.
find_marked() {
  marked=
  [ -n "$marker" ] || return 0
  if [ -n "$proc" ]; then
    # The start time of the subshell that looks comes first.
    marked=$(
      start_time self
      echo "$started"
      set +f
      echo "$proc"/[0-9]*/environ | select_files "$marker"
    )
    # shellcheck disable=SC2086 # Words are what is wanted.
    set -- $marked
    looked=$1
    shift
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

# Whether the number may belong to somebody else by now: one who started after the look. Should it have been the
# one who was found, the next look finds him again.
is_newer() { # PID
  [ -n "$proc" ] || return 1
  start_time "$1" || return 0
  [ "$started" -ge "$looked" ]
}

signal_marked() { # SIGNAL
  for pid in $marked; do
    is_group "$pid" || continue
    ! is_newer "$pid" || continue
    if [ "$1" = KILL ]; then
      kill -KILL "$pid" 2>/dev/null && log "sent KILL to marked process $pid"
      continue
    fi
    # Asked twice, a program may take it for impatience.
    case $asked in *" $pid "*) continue ;; esac
    ! is_in_watched_group "$pid" || continue
    asked="$asked$pid "
    kill "-$1" "$pid" 2>/dev/null && log "sent $1 to marked process $pid"
    kill -CONT "$pid" 2>/dev/null
  done
}

# Hundredths of a second since the first call, in $elapsed. Where the machine tells no time without a
# process of its own, naps are counted.
read_time() {
  if [ -n "$proc" ] && { read -r uptime rest <"$proc/uptime"; } 2>/dev/null; then
    # 1 before the hundredths: a number that begins with 0 is octal.
    uptime=$((${uptime%%.*} * 100 + 1${uptime##*.} - 100))
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
  kills=0
  read_time
  # Half a minute of looks after the first KILL: what lives then is stuck in the kernel, or hidden from us. Not by
  # the clock: the machine may sleep, and the time be over before anybody was killed.
  while [ "$kills" -lt 150 ]; do
    signal=TERM
    [ "$elapsed" -lt $((grace * 100)) ] || signal=KILL
    find_marked
    signal_marked "$signal"
    find_living
    if [ "$signal" = KILL ]; then
      kills=$((kills + 1))
      [ -z "$living" ] || signal_groups KILL
    else
      end_leaderless
    fi
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
fault=
can_search ||
  fault='xargs and grep cannot search environments, so that processes outside of groups are not found'
tell ready
if [ -n "$fault" ]; then
  tell "fault $fault"
  log "$fault"
fi
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
