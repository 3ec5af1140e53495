#!/usr/bin/env bash
# reference.sh PRIME - the reference, as Markdown on standard output: commands and options from --help, methods from
# `prime list`, keys of audit.yaml from `prime validate --keys`, columns from a report's schema.csv. Write it anew with
#     docs/reference.sh build/src/cli/prime >docs/reference.md
set -euo pipefail
prime=${1:?path of prime}
here=$(cd "$(dirname "$0")" && pwd)

# as_table - CSV with a header as a Markdown table.
as_table() {
    awk '
    function cells(line,    out, cell, quoted, i, c) {
        out = "|"
        for (i = 1; i <= length(line) + 1; i++) {
            c = substr(line, i, 1)
            if (c == "\"" && quoted && substr(line, i + 1, 1) == "\"") { cell = cell c; i++ }
            else if (c == "\"") quoted = !quoted
            else if (i > length(line) || (c == "," && !quoted)) { out = out " " cell " |"; cell = "" }
            else cell = cell (c == "|" ? "\\|" : c)
        }
        return out
    }
    { sub(/\r$/, ""); row = cells($0); print row }
    NR == 1 { gsub(/ [^|]* /, "---", row); print row }'
}

# options - of --help, without those that every command takes.
own_options() { sed '/^  --help, -h/,$d' | sed '/^options:$/d' | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'; }

echo '# Reference'
echo
echo 'Made by `docs/reference.sh` from the tables of the program; a test holds it against them.'
echo
echo '## Commands'
echo
echo 'Every command takes these options too:'
echo
echo '```'
"$prime" version --help | sed -n '/^  --help, -h/,$p'
echo '```'
echo
echo 'Exit codes: 0 done (of a gate: pass), 1 failed or cannot be graded, 2 wrong usage, 3 inconclusive, 4 breached.'
"$prime" help | sed -n 's/^\([a-z]\+\) \+\(.*\)/\1 \2/p' | grep -v '^usage' | while read -r noun what; do
    printf '\n### prime %s\n\n%s.\n\n```\n' "$noun" "${what^}"
    verbs=$("$prime" help "$noun")
    if [[ $verbs == *' VERB '* ]]; then
        first=yes
        for v in $(sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p' <<<"$verbs"); do
            [ $first ] || echo
            first=
            "$prime" "$noun" "$v" --help | own_options
        done
    else "$prime" "$noun" --help | own_options
    fi
    echo '```'
done
printf '\n## Methods\n'
"$prime" list | sed 1d | cut -d, -f1 | awk '!seen[$0]++' | while read -r kind; do
    printf '\n### prime list %s\n\n' "$kind"
    "$prime" list "$kind" | as_table
done
printf '\n## Keys of audit.yaml\n\n| key | value; meaning |\n|---|---|\n'
"$prime" validate --keys | sed 's/|/\\|/g; s/^\([^:]*\): /| `\1` | /; s/$/ |/'
printf '\n## Columns of the tables of a run\n\n'
as_table <"$here/../reports/example/schema.csv"
