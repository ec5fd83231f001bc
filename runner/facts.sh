# What the script had around it, as lines of a word and its value: sh facts.sh COMMAND [ARGUMENT]...
#
# Runs after the script's end in the same image or on the same machine, with the same variables. What cannot be told
# is left out; nothing of it counts for the job's outcome. runner/facts.py reads the lines.
case $1 in
/*) ;;
*/*) set -- "$PWD/$1" ;;
esac
{ cd / && ulimit -t 10 && ulimit -v 4194304; } 2>/dev/null

python_code='
import os, sys
lines = ["interpreter Python " + sys.version.split()[0]]
for folder in sys.path:
    try:
        entries = sorted(os.listdir(folder)) if folder else []
    except OSError:
        continue
    for entry in entries:
        stem, kind = os.path.splitext(entry)
        if kind in (".dist-info", ".egg-info") and "-" in stem:
            lines.append("package " + " ".join(stem.split("-")[:2]))
text = "\n".join(lines) + "\n"
getattr(sys.stdout, "buffer", sys.stdout).write(text.encode("utf-8", "replace"))
'
r_code='
for (folder in .libPaths()) for (name in list.files(folder)) {
    told <- tryCatch(read.dcf(file.path(folder, name, "DESCRIPTION"), c("Version", "Priority")),
                     error = function(e) NULL, warning = function(w) NULL)
    if (length(told) == 2 && !identical(told[[2]], "base")) cat("package ", name, " ", told[[1]], "\n", sep = "")
}
'

last_word() { # of the first line that a program says of its version
    "$@" 2>&1 | {
        read -r line
        case $line in
        Python*) printf 'interpreter Python %s\n' "${line##* }" ;;
        julia*) printf 'interpreter Julia %s\n' "${line##* }" ;;
        *' version '*)
            line=${line#*' version '}
            printf 'interpreter R %s\n' "${line%% *}"
            ;;
        esac
    }
}

while IFS== read -r name value; do
    [ "$name" = PRETTY_NAME ] || continue
    value=${value#[\"\']}
    printf 'system %s\n' "${value%[\"\']}"
done 2>/dev/null </etc/os-release
echo "kernel $(uname -r)"
echo "machine $(uname -m)"
libc=$(getconf GNU_LIBC_VERSION) || for file in /lib/ld-musl-*; do [ -e "$file" ] && libc=musl; done
echo "libc $libc"

case ${1##*/} in
python* | pypy*) "$1" -c "$python_code" ;;
Rscript | R)
    [ "${1##*/}" = R ] && set -- Rscript
    # Its version first: with a small part of a core R itself takes longer to begin than there is time.
    last_word "$1" --version
    "$1" --no-init-file -e "$r_code"
    ;;
julia*) last_word "$1" --version ;;
*) # a shell's script, or one by its first line: what it may have called
    for name in python3 Rscript julia; do
        command -v "$name" >/dev/null 2>&1 && last_word "$name" --version
    done
    ;;
esac
