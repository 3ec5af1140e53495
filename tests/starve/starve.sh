#!/usr/bin/env bash
# starve.sh STARVED MAKE_LEDGER MAKE_MODEL [CASE...] - TAP: `prime` when memory is out or a disk fails. STARVED is `prime`
# with starve.c linked in, a CASE is NAME.case: shell that makes inputs with `prime`, `make_ledger` and `make_model` in a
# folder, then lines `starve COMMAND`. Such a command runs once to list the places that ask for memory or do something to
# a file, then once for each that no command before it had, which is refused. It must then end by itself with code 1 and
# a sentence that says so, or, where it can do without, say what it says otherwise; and leave no half-written file.
set -uo pipefail
shopt -s globstar nullglob dotglob
here=$(cd "$(dirname "$0")" && pwd)
starved=$(realpath "${1:?path of starved}") make_ledger=$(realpath "${2:?path of make_ledger}")
make_model=$(realpath "${3:?path of make_model}")
shift 3
[ $# -gt 0 ] && set -- "${@/#/$PWD/}" || set -- "$here"/*.case
FIXTURES=$(cd "$here/../../fixtures" && pwd)
GOLDEN=$here/../golden
export FIXTURES GOLDEN LC_ALL=C
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
. "$here/../tap.sh"

prime() { PRIME_STARVE= "$starved" "$@"; }
make_ledger() { "$make_ledger" "$@"; }
make_model() { "$make_model" "$@"; }

# attempt PLACE[@N] COMMAND... - in a copy of the case's folder, the N-th request of the place; 0 refuses nothing.
attempt() {
    rm -rf "$tmp/run" && cp -r "$tmp/case" "$tmp/run" && cd "$tmp/run" || exit 1
    PRIME_STARVE=$1 timeout 60 "$starved" "${@:2}" --threads 1 </dev/null >"$tmp/stdout" 2>"$tmp/stderr"
    code=$?
    [ -z "$vary" ] || sed -i "$vary" "$tmp/stdout"
    stdout=$(<"$tmp/stdout") stderr=$(<"$tmp/stderr")
}

# judge - what is wrong about the attempt, if anything.
judge() {
    if [ $code = $expect ] && [ "$stdout" = "$want" ]; then return; fi
    [ $code = 1 ] || echo "exit code $code"
    [[ $stderr =~ [Mm]emory|'Input/output error'|'No space left'|'cannot write standard output' ]] ||
        echo "another reason: ${stderr##*$'\n'}"
    local left=("$tmp"/run/**/*.tmp)
    [ ${#left[@]} = 0 ] || echo "left ${left[*]#"$tmp"/run/}"
}

# places_in FUNCTIONS - the places of the command that are in one of FUNCTIONS, an expression; of a function that the
# compiler has drawn into its caller, either may be named, or both.
places_in() {
    addr2line -f -e "$starved" <"$tmp/places" | awk 'NR % 2' | paste - "$tmp/places" |
        awk -v like="^($1)([.].*)?$" '$1 ~ like { print $2 }'
}

# starve COMMAND... - $expect is its exit code when nothing is refused.
# $vary is sed's word for what differs from run to run. With $again it is not the places that no command before it had,
# but those in the functions of that expression, and of their requests those of the numbers in $nth: for what an earlier
# request of the same place hides. Both are for one command.
expect=0 vary= again= nth=1
starve() {
    local place want said n
    PRIME_STARVE_PLACES=$tmp/places attempt 0 "$@"
    want=$stdout
    [ $code = $expect ] && [ -s "$tmp/places" ]
    local fine=$?
    sed "s/^/as it is: /" "$tmp/stderr" >"$tmp/wrong"
    local kind='new places'
    if [ -n "$again" ]; then
        kind="requests in $again"
        for n in $nth; do places_in "$again" | sed "s/$/@$n/"; done >"$tmp/fresh"
        [ -s "$tmp/fresh" ] || fine=1
    else
        grep -vxFf "$tmp/known" "$tmp/places" >"$tmp/fresh"
        cat "$tmp/fresh" >>"$tmp/known"
    fi
    while [ $fine = 0 ] && read -r place; do
        attempt "$place" "$@"
        said=$(judge)
        [ -z "$said" ] || echo "place $place: ${said//$'\n'/; }" >>"$tmp/wrong"
    done <"$tmp/fresh"
    [ $fine = 0 ] && ! grep -q '^place' "$tmp/wrong"
    verdict $? "$(wc -l <"$tmp/fresh") $kind of prime $*" "$tmp/wrong"
    again='' nth=1
    cd "$tmp/case" || exit 1
}

echo none >"$tmp/known"
for case in "$@"; do
    rm -rf "$tmp/case" && mkdir "$tmp/case" && cd "$tmp/case" || exit 1
    . "$case"
done
echo "1..$count"
exit $failed
