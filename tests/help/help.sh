#!/usr/bin/env bash
# help.sh PRIME - TAP: man pages and completion say what --help says, in a form that groff and bash accept.
set -uo pipefail
prime=$(cd "$(dirname "${1:?path of prime}")" && pwd)/$(basename "$1")
pages=$(dirname "$prime")/pages
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
. "$(dirname "$0")/../tap.sh"

# lint PAGE - complaints of whatever reads man pages here.
if command -v groff >/dev/null; then lint() { groff -man -Tutf8 -ww -z "$1"; }
elif command -v mandoc >/dev/null; then lint() { mandoc -T lint -W warning "$1"; }
else lint() { return 77; }
fi

nouns=$("$prime" help | sed -n 's/^\([a-z][a-z-]*\) .*/\1/p' | grep -v '^usage')
# verbs NOUN - one a line, "" for a noun without.
verbs() {
    local text
    text=$("$prime" help "$1")
    [[ $text == *' VERB '* ]] && sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p' <<<"$text"
}
# options NOUN VERB - long names of --help.
options() { "$prime" "$1" ${2:+"$2"} --help | sed -n 's/^  --\([a-z0-9-]*\).*/\1/p' | sort -u; }

[ "$(wc -l <<<"$nouns")" -gt 15 ]
verdict $? "prime help lists the nouns"
diff <(for n in $nouns; do echo "prime-$n.1"; done | sort) <(cd "$pages" && ls prime-*.1 | sort) >"$tmp/out"
verdict $? "there is a page for each noun, and for nothing else" "$tmp/out"

: >"$tmp/lint"
skip=
for n in prime $nouns; do
    "$prime" help --man "$n" >"$tmp/page.1"
    lint "$tmp/page.1" >>"$tmp/lint" 2>&1
    [ $? != 77 ] || skip=yes
done
if [ -n "$skip" ]; then
    count=$((count + 1))
    echo "ok $count - the pages are read without a warning # SKIP neither groff nor mandoc here (Debian: apt install groff-base)"
else
    [ ! -s "$tmp/lint" ]
    verdict $? "the pages are read without a warning" "$tmp/lint"
    printf '.TH X 1\n.SH A\n\\fBbold\n.IPP wrong\n' >"$tmp/bad.1"
    [ -n "$(lint "$tmp/bad.1" 2>&1)" ]
    verdict $? "a page with a mistake is noticed"
fi

# complete WORD... - what bash offers for the last word.
"$prime" help --completion bash >"$tmp/completion"
. "$tmp/completion"
complete_words() {
    COMP_WORDS=(prime "$@")
    COMP_CWORD=$#
    COMPREPLY=()
    _prime
    printf '%s\n' "${COMPREPLY[@]+"${COMPREPLY[@]}"}"
}
offers() { # offers WANT WORD...
    local want=$1 got
    shift
    got=$(complete_words "$@" | tr '\n' ' ')
    [ "${got% }" = "$want" ]
    verdict $? "prime $* -> ${want:-files}: ${got% }"
}
complete -p prime | grep -q -- '-o default'
verdict $? "the completion is bound to prime, and files are the default"
offers stats st
offers 'validate version' v
offers 'binomial' stats b
offers --resume sweep --res
offers '--reference' report a --ref
offers '' sweep a
offers '' stats auc x
offers '' nonsense --x
offers '--dry-run' sweep a.yaml --d

: >"$tmp/out"
for n in $nouns; do
    all=$(verbs "$n")
    [ -z "$all" ] || [ "$all" = "$(complete_words "$n" '')" ] || echo "verbs of $n" >>"$tmp/out"
    "$prime" help --man "$n" >"$tmp/page.1"
    while read -r v; do
        options "$n" "$v" >"$tmp/want"
        [ -s "$tmp/want" ] || echo "no options of $n $v" >>"$tmp/out"
        diff "$tmp/want" <(complete_words "$n" ${v:+"$v"} -- | sed 's/^--//' | sort -u) >>"$tmp/out"
        while read -r o; do
            grep -qF -- "\\-\\-${o//-/\\-}\\fR" "$tmp/page.1" || echo "no --$o of '$n $v' in its page" >>"$tmp/out"
        done <"$tmp/want"
    done <<<"$all"
done
[ ! -s "$tmp/out" ]
verdict $? "every verb and option of --help is in the pages and the completion" "$tmp/out"
echo "1..$count"
