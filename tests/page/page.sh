#!/usr/bin/env bash
# page.sh PRIME MAKE_LEDGER FOLDER - TAP: the HTML report in headless Chromium. Screenshots go into FOLDER.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
prime=${1:?path of prime} make_ledger=${2:?path of make_ledger} keep=${3:?folder for the screenshots}
browser=$(command -v chromium || command -v chromium-browser || true)
[ -n "$browser" ] || { echo "1..0 # SKIP no chromium here (Debian: apt install chromium)"; exit 0; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
. "$here/../tap.sh"

# open_page FLAG... - with a profile of its own; messages of the page's console go to $tmp/console.
open_page() {
    HOME=$tmp timeout 120 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
        --user-data-dir="$tmp/profile" --virtual-time-budget=5000 --window-size=1400,3600 --hide-scrollbars \
        --enable-logging=stderr "$@" 2>"$tmp/log"
    grep CONSOLE "$tmp/log" >>"$tmp/console"
}

# says LINE - the probed page says so.
says() {
    grep -qF -- "probe $1<" "$tmp/dom"
    verdict $? "the page says: $1" "$tmp/said"
}

mkdir "$tmp/run" && "$make_ledger" "$tmp/run/ledger.db" &&
    printf 'metric,limit,direction\nauc,0.9,max\n' >"$tmp/run/gates.csv" && "$prime" report "$tmp/run" -f html
verdict $? "a report is written"
: >"$tmp/console"
page=file://$tmp/run/report.html
open_page --screenshot="$keep/report.png" "$page" >/dev/null
[ -s "$keep/report.png" ]
verdict $? "a screenshot is taken" "$tmp/log"
open_page --blink-settings=preferredColorScheme=0 --screenshot="$keep/report-dark.png" "$page" >/dev/null
! cmp -s "$keep/report.png" "$keep/report-dark.png"
verdict $? "dark differs from light"
open_page --print-to-pdf="$tmp/report.pdf" "$page" >/dev/null
[ "$(head -c 4 "$tmp/report.pdf")" = %PDF ]
verdict $? "it can be printed" "$tmp/log"

# The same page with a probe before and after it.
awk -v before="$here/before.js" -v after="$here/after.js" '
    function put(file,    line) { print "<script>"; while ((getline line <file) > 0) print line; print "</script>" }
    $0 == "</body>" { put(after) }
    { print }
    $0 == "<body>" { put(before) }' "$tmp/run/report.html" >"$tmp/run/probed.html"
open_page --dump-dom "file://$tmp/run/probed.html" >"$tmp/dom"
grep -o 'probe [^<]*' "$tmp/dom" >"$tmp/said"
for chart in front anchors loo roc dose; do says "ink c-$chart = yes"; done
says "beside stars = true Nothing to draw: no anchor was attacked with ref beside what is chosen."
says "table beside stars = true"
says "table beside toy = false"
says "toy rows = 5"
says "toy points = 12" # 4 rows and the corners of what 2 seeds attain
says "evolved rows = 2"
says "evolved points = 10"
says "hover = evolved λ=0.5; rouge1 0.367 [0.346, 0.387]; AUC 0.839 [0.707, 0.971]; on the front"
says "hover anchor = a3; AUC 0.998 [0.994, 1.000]; |w| 0.503"
says "loss rows = 2"
says "loss curves = 64"
says "unlabelled = 0"
says "requests = 0"
says "errors = 0 "
grep -q 'probe dark = false rgb(255, 255, 255)<' "$tmp/dom"
verdict $? "light is the default" "$tmp/said"
open_page --blink-settings=preferredColorScheme=0 --dump-dom "file://$tmp/run/probed.html" >"$tmp/dark"
grep -q 'probe dark = true rgb(20, 23, 26)<' "$tmp/dark"
verdict $? "dark where it is wanted"
[ ! -s "$tmp/console" ]
verdict $? "nothing on the console" "$tmp/console"
if command -v pngquant >/dev/null; then
    "$here/pictures.sh" "$prime" "$tmp/run" "$tmp/pictures" "$tmp/run/gates.csv" loo >"$tmp/out" 2>&1 &&
        [ "$(ls "$tmp/pictures")" = loo.png ] && [ "$(head -c 4 "$tmp/pictures/loo.png" | tail -c 3)" = PNG ]
    verdict $? "a picture of one section is made" "$tmp/out"
    ! "$here/pictures.sh" "$prime" "$tmp/run" "$tmp/pictures" "$tmp/run/gates.csv" lo >"$tmp/out" 2>&1 && grep -q 'no picture' "$tmp/out"
    verdict $? "a name that no picture has is refused" "$tmp/out"
else
    count=$((count + 1))
    echo "ok $count - a picture of one section is made # SKIP there is no pngquant (Debian: apt install pngquant)"
fi
echo "1..$count"
