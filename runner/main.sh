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
early=
trap 'early=1' TERM INT
# Kubernetes tells every container where its API is. The script has no business there.
set -f
for word in $(export -p); do
    case $word in
    KUBERNETES_*=*) unset "${word%%=*}" ;;
    esac
done 2>/dev/null
set +f
volume=$1
reason=
woken=
. "$volume/launch.sh" # the job's variables, $time_limit and $grace, and the command as "$@"

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
    (
        sleep "$grace"
        kill -s KILL -- -1
    ) 2>/dev/null &
}

why_not() { # $1: a command. What a shell would say instead of starting it: not into the script's stderr
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
        exec /bin/sh "${0%/*}/facts.sh" "$@"
    ) </dev/null >"$volume/facts.part"
    mv "$volume/facts.part" "$volume/facts"
}

wait_for() { # $1: a mark of `collect`, $2: for how many twentieths of a second at most
    waited=0
    while [ ! -e "$volume/$1.json" ] && [ "$waited" -lt "$2" ] && [ -z "$early" ]; do
        if sleep 0.05 2>/dev/null; then
            waited=$((waited + 1))
        else # a whole second, or a signal
            sleep 1
            waited=$((waited + 20))
        fi
    done
}

# Both ends: while `collect` is restarted a script waits in its next print, and does not die of it.
exec 3<>"$volume/stdout.pipe" 4<>"$volume/stderr.pipe"
# The order of both streams is known to who was there before the first line.
wait_for reading 20

trap 'end stopped' TERM INT
trap 'end time_limit' ALRM

cd "$volume/work" || exit 125
count_oom_kills
oom_kills_before=$oom_kills
# Kubernetes leaves this mark before it sends TERM: one that came before the shell could hear it is not lost.
{ [ -n "$early" ] || [ -e "$volume/stop" ]; } && exit 143
said=
why_not "$1"
printf '{}' >"$volume/started.json"
(
    trap - TERM INT ALRM
    [ -n "$said" ] && exit "$unstarted"
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
trap '' TERM INT ALRM
kill -s KILL -- -1 2>/dev/null

count_oom_kills
[ -z "$reason" ] && [ "$code" -ne 0 ] && [ "$oom_kills" -gt "$oom_kills_before" ] && reason=out_of_memory
signal=null
exit_code=$code
if [ "$code" -gt 128 ] && [ "$code" -lt 160 ]; then
    signal=$((code - 128))
    exit_code=null
fi
printf '{"exit_code": %s, "signal": %s, "reason": "%s", "message": "%s"}' \
    "$exit_code" "$signal" "$reason" "$said" >"$volume/ended.json"
[ "$reason" = stopped ] || look "$@" 2>/dev/null
# What is in the pipes goes with us, and `collect` is not begun again when we are gone: one that was restarted is
# waited for, also if it died thrice (the kubelet begins it again after 5 minutes at most). After a stop it is not.
wait_for drained 400
while [ ! -e "$volume/drained.json" ] && [ ! -e "$volume/stop" ] && [ "$waited" -lt 12000 ]; do
    sleep 1
    waited=$((waited + 20))
done
exit "$code"
