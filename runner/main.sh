# Runs the script in the user's own image, as the container's first process: sh main.sh VOLUME
#
# Needs a POSIX shell, and `sleep` for the time limit; nothing of ours but this file and what `fetch` left in the
# volume. Its output goes through two pipes to `collect`; started.json and ended.json tell it about the script.
# As the first process of a container it has process ids of its own: "-1" is all that the script ever started.
if [ "$$" -ne 1 ]; then
    echo "main.sh is only for the first process of a container: it ends all others." >&2
    exit 125
fi
# From here on a stop is heard, whatever is not ready yet.
stellwerk_early=
trap 'stellwerk_early=1' TERM INT
# Kubernetes tells every container where its API is. The script has no business there.
set -f
for stellwerk_word in $(export -p); do
    case $stellwerk_word in
    KUBERNETES_*=*) unset "${stellwerk_word%%=*}" ;;
    esac
done 2>/dev/null
set +f
cd "$1/work" || exit 125
# The image and the job may have variables of the same names as ours. The script gets theirs, in a subshell.
# (bash takes no other value for the first two.)
stellwerk_image=$( (export -n SHELLOPTS BASHOPTS) 2>/dev/null && export -n SHELLOPTS BASHOPTS; export -p)
volume=$1
reason=
woken=
. "$volume/launch.sh" # job_variables, $time_limit, $grace and $linger, and the command as "$@"
helpers=

count_oom_kills() { # processes of this container that died for want of memory: cgroup v2, or v1
    oom_kills=0
    for file in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
        [ -r "$file" ] || continue
        while read -r name value; do
            [ "$name" = oom_kill ] && oom_kills=$value
        done <"$file"
    done
}

end() { # $1: why. TERM to everything, KILL after the grace time
    woken=1
    [ -n "$reason" ] && return
    reason=$1
    kill -s TERM -- -1 2>/dev/null
    kill_after "$grace"
}

kill_after() { # $1: seconds. What still runs then is killed
    (
        sleep "$1"
        kill -s KILL -- -1
    ) 2>/dev/null &
    helpers="$helpers $!"
}

is_left() { # whether anything of the script still runs: not what only waits to be reaped, nor a helper of ours
    for file in /proc/[0-9]*/status; do
        state=
        while read -r name value rest; do
            case $name in
            State:) state=$value ;;
            PPid:) break ;;
            esac
        done <"$file"
        case $state in '' | [ZX]*) continue ;; esac
        pid=${file#/proc/}
        # Nobody here is the parent of what was begun from outside, as we were.
        case " $helpers 0 " in *" ${pid%/status} "* | *" $value "*) continue ;; esac
        return 0
    done 2>/dev/null
    return 1
}

why_not() { # $1: a command. The code and the words of a shell that cannot start it: not into the script's stderr
    said=
    path=$1
    case $1 in
    */*) ;;
    *) path=$(command -v "$1" 2>/dev/null) || path= ;;
    esac
    case $path in
    '') said='not found' unstarted=127 ;;
    */*)
        if [ ! -e "$path" ]; then
            said='not found' unstarted=127
        elif [ -d "$path" ] || [ ! -x "$path" ]; then
            said='Permission denied' unstarted=126
        fi
        # A script of the user's whose first line names a program that the image has not.
        first=
        case $said$path in ./*) { read -r first <"$path"; } 2>/dev/null ;; esac
        case $first in
        '#!'*)
            set -f
            set -- ${first#'#!'}
            set +f
            [ -x "$1" ] || said='not found' unstarted=127
            ;;
        esac
        ;;
    esac
    [ -z "$said" ] || printf '%s %s' "$unstarted" "$said"
}

look() { # at the image, for `collect`: for some seconds, after the script and its outcome
    rm -rf "$volume/facts" "$volume/facts.part"
    (
        sleep 5
        kill -s KILL -- -1
    ) &
    (
        exec 3>&- 4>&-
        ulimit -f 512
        { eval "$stellwerk_image" && job_variables; } 2>/dev/null
        exec /bin/sh "${0%/*}/facts.sh" "$@"
    ) </dev/null >"$volume/facts.part"
    mv "$volume/facts.part" "$volume/facts"
}

pause() { # a twentieth of a second, or a whole one where `sleep` knows no parts of it: $waited has how many
    sleep 0.05 2>/dev/null
    slept=$?
    if [ "$slept" -eq 0 ] || [ "$slept" -gt 128 ]; then # over, or killed with all others
        waited=$((waited + 1))
    else
        sleep 1
        waited=$((waited + 20))
    fi
}

wait_for() { # $1: a mark of `collect`, $2: for how many twentieths of a second at most
    waited=0
    while [ ! -e "$volume/$1.json" ] && [ "$waited" -lt "$2" ] && [ -z "$stellwerk_early" ]; do
        pause
    done
}

tell_end() {
    printf '{"exit_code": %s, "signal": %s, "reason": "%s", "message": "%s"}' \
        "$exit_code" "$signal" "$ended_by" "$said"
}

wait_for_the_rest() { # what the script left behind may end by itself, as on this machine. A stop hurries it
    is_left || return
    tell_end >"$volume/ended.part" && noted=1 # its time is the script's end
    kill_after "$linger"
    waited=0
    while is_left && [ "$waited" -lt $((linger * 20)) ]; do
        pause
    done 2>/dev/null
}

finish() { # the rest is killed, the end told, and what `collect` wants of us waited for
    trap '' TERM INT ALRM
    kill -s KILL -- -1 2>/dev/null
    { [ -n "$noted" ] && mv "$volume/ended.part" "$volume/ended.json"; } 2>/dev/null || tell_end >"$volume/ended.json"
    trap - EXIT
    [ "$reason" = stopped ] || look "$@" 2>/dev/null
    # What is in the pipes goes with us, and `collect` is not begun again when we are gone: one that was restarted is
    # waited for, also if it died thrice (the kubelet begins it again after 5 minutes at most). After a stop it is not.
    wait_for drained 400
    while [ ! -e "$volume/drained.json" ] && [ ! -e "$volume/stop" ] && [ "$waited" -lt 12000 ]; do
        sleep 1
        waited=$((waited + 20))
    done
    exit "$code"
}

# Both ends: while `collect` is restarted a script waits in its next print, and does not die of it.
exec 3<>"$volume/stdout.pipe" 4<>"$volume/stderr.pipe"
# The order of both streams is known to who was there before the first line.
wait_for reading 20

trap 'end stopped' TERM INT
trap 'end time_limit' ALRM

count_oom_kills
oom_kills_before=$oom_kills
# Kubernetes leaves this mark before it sends TERM: one that came before the shell could hear it is not lost.
{ [ -n "$stellwerk_early" ] || [ -e "$volume/stop" ]; } && exit 143
unstarted=$(
    { eval "$stellwerk_image" && job_variables; } 2>/dev/null
    why_not "$1"
)
said=${unstarted#* }
# One that came meanwhile.
{ [ -n "$reason" ] || [ -e "$volume/stop" ]; } && exit 143
printf '{}' >"$volume/started.json"
(
    trap - TERM INT ALRM
    [ -n "$said" ] && exit "${unstarted%% *}"
    { eval "$stellwerk_image" && job_variables; } 2>/dev/null
    # A printed line is seen at once: Python by its variable, others by stdbuf where the image has it.
    case ${1##*/} in
    python*) ;;
    *) command -v stdbuf >/dev/null 2>&1 && command -v "$1" >/dev/null 2>&1 && set -- stdbuf -oL "$@" ;;
    esac
    exec "$@"
) </dev/null >"$volume/stdout.pipe" 2>"$volume/stderr.pipe" 3>&- 4>&- &
script=$!
(
    sleep "$time_limit"
    kill -s ALRM 1
) 2>/dev/null &
helpers="$helpers $!"

while :; do # a signal ends the wait early, with a code of its own
    woken=
    wait "$script"
    code=$?
    [ -z "$woken" ] && break
    kill -0 "$script" 2>/dev/null && continue
    wait "$script"
    again=$?
    [ "$again" -ne 127 ] && code=$again
    break
done

# The script's end is known: what comes now does not change it.
ended_by=$reason
count_oom_kills
[ -z "$ended_by" ] && [ "$code" -ne 0 ] && [ "$oom_kills" -gt "$oom_kills_before" ] && ended_by=out_of_memory
signal=null
exit_code=$code
if [ "$code" -gt 128 ] && [ "$code" -lt 160 ]; then
    signal=$((code - 128))
    exit_code=null
fi
noted=
# A shell that can start no process any more ends: what a script left behind may have taken all that there may be.
trap 'noted=; finish "$@"' EXIT
wait_for_the_rest
finish "$@"
