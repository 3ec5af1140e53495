#!/usr/bin/env bash
# leakage.sh PRIME MAKE_LEDGER - TAP: a ledger with known numbers passes its gates and its baseline; one in which
# every merge leaks more does not. The exit code and the last line must agree.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
prime=${1:?path of prime} make_ledger=${2:?path of make_ledger}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
count=0

# want CODE WORDS NAME COMMAND... - one TAP line.
want() {
    local code=$1 words=$2 name=$3 out status
    shift 3
    out=$("$@" 2>&1)
    status=$?
    count=$((count + 1))
    if [ $status = "$code" ] && [[ $(tail -n 1 <<<"$out") == "verdict: $words"* ]]; then
        echo "ok $count - $name"
    else
        echo "not ok $count - $name: exit $status, want $code"
        sed 's/^/# /' <<<"$out"
    fi
}

mkdir "$tmp/same" "$tmp/leaky" "$tmp/few"
"$make_ledger" "$tmp/same/ledger.db" 12 8 && "$make_ledger" "$tmp/leaky/ledger.db" 12 8 2 1 &&
    "$make_ledger" "$tmp/few/ledger.db" 2 8 || { echo "1..0"; exit 1; }
want 0 pass "the gates pass" "$prime" check "$tmp/same" -g "$here/gates.csv"
want 4 breached "more leakage breaches a gate" "$prime" check "$tmp/leaky" -g "$here/gates.csv"
want 1 "cannot grade" "two anchors cannot be graded" "$prime" check "$tmp/few" -g "$here/gates.csv"
want 0 pass "the baseline holds" "$prime" compare "$here/baseline.csv" "$tmp/same"
want 4 breached "more leakage is a regression" "$prime" compare "$here/baseline.csv" "$tmp/leaky"
want 1 "cannot grade" "too few in common" "$prime" compare "$here/baseline.csv" "$tmp/few"
want 0 pass "less leakage is none" "$prime" compare "$tmp/leaky" "$here/baseline.csv"
echo "1..$count"
