#!/usr/bin/env bash
# docs.sh PRIME - TAP: the examples of docs/ run as they stand, every command that a page names is one of the program's, and
# the reference says what the tables say. See docs/README.md for what is run and how a block is left out.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
prime=$(cd "$(dirname "${1:?path of prime}")" && pwd)/$(basename "$1")
export PATH=$(dirname "$prime"):$PATH LC_ALL=C
budget=120 # seconds of processor time for all pages
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
. "$here/../tap.sh"

# blocks PAGE - its sh blocks as one script that stops at the first failure and says where.
blocks() {
    echo 'set -euo pipefail; trap '\''echo "failed: the block at line $at" >&2'\'' ERR'
    awk '
        /^<!-- not run: .*-->$/ { skip = 1; next }
        /^```sh$/ { if (!skip) { on = 1; print "at=" FNR } skip = 0; next }
        /^```/ { on = 0; skip = 0; next }
        on { print }
        NF { skip = 0 }' "$1"
}
# run_page PAGE FOLDER - in an empty folder, output into FOLDER.log.
run_page() {
    mkdir -p "$2" && ln -sfn "$source/fixtures" "$2/fixtures" && blocks "$1" >"$2.sh" &&
        (cd "$2" && timeout 900 bash "$2.sh" >"$2.log" 2>&1 </dev/null)
}

for page in "$source"/docs/*.md; do
    name=$(basename "$page" .md)
    grep -q '^```sh$' "$page" || continue
    run_page "$page" "$tmp/$name"
    verdict $? "the commands of docs/$name.md run" "$tmp/$name.log"
done
times >"$tmp/times" # not in a pipe, which would be another shell
seconds=$(sed -n 2p "$tmp/times" | awk -F'[ms ]+' '{ print 60 * $1 + $2 + 60 * $3 + $4 }')
awk -v s="$seconds" -v max=$budget 'BEGIN { exit !(s > 0 && s <= max) }'
verdict $? "they take $seconds s of processor time, at most $budget"

# Words of the program, for commands.awk.
"$prime" help | sed -n 's/^\([a-z]\+\) .*/\1/p' | grep -v '^usage' | while read -r noun; do
    text=$("$prime" help "$noun")
    if [[ $text == *' VERB '* ]]; then verbs=$(sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p' <<<"$text"); else verbs=-; fi
    for v in $verbs; do
        echo "$noun $v $("$prime" "$noun" ${v#-} --help | sed -n 's/^  \(--[a-z0-9-]*\)/\1/p' |
            grep -o -e '^--[a-z0-9-]*' -e ', -[a-z]' | sed 's/, //' | tr '\n' ' ')"
    done
done >"$tmp/words"
look() { awk -f "$here/commands.awk" "$tmp/words" "$@" >"$tmp/out"; }
pages=$(cd "$source" && find README.md docs audits examples fixtures reports tests -name '*.md' -not -path 'docs/reference.md')
(cd "$source" && look $pages)
verdict $? "commands and options that pages name are there: $(tail -n 1 "$tmp/out")" "$tmp/out"
[ "$(tail -n 1 "$tmp/out" | tr -dc 0-9)" -gt 100 ]
verdict $? "and they are looked at"

"$source/docs/large.sh" "$prime" >"$tmp/large" 2>&1
grep -vxFf "$source/README.md" "$tmp/large" >"$tmp/out"
[ $? = 1 ] && [ -s "$tmp/large" ]
verdict $? "what large models need is in README.md as it is computed (else: docs/large.sh PRIME)" "$tmp/out"
"$source/docs/reference.sh" "$prime" 2>&1 | diff "$source/docs/reference.md" - >"$tmp/out"
verdict $? "docs/reference.md is what the tables say (else: docs/reference.sh PRIME >docs/reference.md)" "$tmp/out"
cmp "$tmp/howto/run/schema.csv" "$source/reports/example/schema.csv" >"$tmp/out" 2>&1
verdict $? "and its columns are those of a run" "$tmp/out"
bad=$(cd "$source" && grep -o '](\.*[A-Za-z][^)#:]*)' docs/*.md README.md | sed 's/](//; s/)$//' | while IFS=: read -r f to; do
    [ -e "$(dirname "$f")/$to" ] || echo "$f: $to"
done)
[ -z "$bad" ]
verdict $? "links lead somewhere" <(echo "$bad")

# Mistakes on purpose.
cat >"$tmp/bad.md" <<'X'
Say `prime sweep a.yaml --lamda 3` or `prime model socre M`, but `prime sweep ... -l 3` and `prime NOUN VERB --x` are fine.

```sh
prime statz auc - \
  --level 0.9
prime stats auc - \
  --levle 0.9 | prime pareto hv --ref 1
```
<!-- not run: as a test -->
```sh
false
```
X
! look "$tmp/bad.md" && diff - "$tmp/out" >"$tmp/diff" <<X
$tmp/bad.md:1: no option --lamda of 'prime sweep'
$tmp/bad.md:1: no command 'prime model socre'
$tmp/bad.md:5: no command 'prime statz'
$tmp/bad.md:7: no option --levle of 'prime stats auc'
6 commands
X
verdict $? "words that are not there are noticed" "$tmp/diff"
! run_page "$tmp/bad.md" "$tmp/bad" && grep -q 'failed: the block at line 3' "$tmp/bad.log" && ! grep -q false "$tmp/bad.sh"
verdict $? "a block that fails is noticed, and one that is marked is left out" "$tmp/bad.log"
echo "1..$count"
