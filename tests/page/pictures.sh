#!/usr/bin/env bash
# pictures.sh PRIME RUN FOLDER GATES [NAME...] - pictures of single sections of the page of a run, held against GATES, as PNG files of
# few colours into FOLDER: all, or those named. The run is only read. Needs Chromium and pngquant.
set -euo pipefail
prime=${1:?path of prime} run=${2:?folder of a run} folder=${3:?folder for the pictures} gates=${4:?file of gates}
shift 4
browser=$(command -v chromium || command -v chromium-browser) || { echo "there is no chromium (Debian: apt install chromium)" >&2; exit 1; }
command -v pngquant >/dev/null || { echo "there is no pngquant (Debian: apt install pngquant)" >&2; exit 1; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
width=1100
most=60000 # bytes of one picture
wanted=" $* " made=0

cp "$run/ledger.db" "$tmp/"
"$prime" report "$tmp" -f html -g "$gates"

# open_page FLAG... URL
open_page() {
    HOME=$tmp timeout 120 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
        --user-data-dir="$tmp/profile" --virtual-time-budget=5000 --hide-scrollbars "$@" 2>"$tmp/log" ||
        { tail -n 20 "$tmp/log" >&2; return 1; }
}

# picture NAME SELECTOR METHOD ROWS [FLAG...] - what SELECTOR names, as the filters show it for METHOD (- for all), with the first
# ROWS of its table.
picture() {
    local name=$1 selector=$2 method=$3 rows=$4 height bytes
    shift 4
    [[ "$wanted" == "  " || "$wanted" == *" $name "* ]] || return 0
    made=$((made + 1))
    awk -v selector="$selector" -v method="$method" -v rows="$rows" '
        $0 == "</head>" {
            print "<style>body > *, main > * { display: none } body > main { display: block }"
            print selector " { display: block !important } #filters { display: none } h2 { margin-top: 0 } .scroll { overflow: hidden; max-height: none }</style>"
        }
        $0 == "</body>" {
            print "<script>const select = document.getElementById(\"f-method\");"
            if (method != "-") print "select.value = \"" method "\"; select.dispatchEvent(new Event(\"change\"));"
            print "if (select.value === \"\") throw new Error(\"no method " method "\");"
            print "for (const body of document.querySelectorAll(\"tbody\"))"
            print "  [...body.rows].filter((tr) => !tr.hidden).slice(" rows ").forEach((tr) => { tr.hidden = true; });"
            print "document.documentElement.dataset.height = Math.ceil(document.body.getBoundingClientRect().height);</script>"
        }
        { print }' "$tmp/report.html" >"$tmp/$name.html"
    open_page --window-size=$width,900 "$@" --dump-dom "file://$tmp/$name.html" >"$tmp/dom"
    height=$(sed -n 's/.*<html[^>]* data-height="\([0-9]*\)".*/\1/p' "$tmp/dom" | head -n 1)
    [ -n "$height" ] || { echo "$name: the page does not say how high it is" >&2; grep CONSOLE "$tmp/log" >&2; return 1; }
    open_page --window-size=$width,"$height" "$@" --screenshot="$tmp/$name.png" "file://$tmp/$name.html" >/dev/null
    pngquant --force --speed 1 --strip --nofs --output "$folder/$name.png" 128 "$tmp/$name.png"
    bytes=$(wc -c <"$folder/$name.png")
    echo "$folder/$name.png $width x $height, $bytes bytes"
    [ "$bytes" -le $most ] || { echo "$name: more than $most bytes" >&2; return 1; }
}

mkdir -p "$folder"
picture verdict 'body > header, #verdicts' - 9
picture front '#front' - 6
picture dark '#roc' - 5 --blink-settings=preferredColorScheme=0
picture anchors '#anchors' evolved 4
picture roc '#roc' evolved 4
picture dose '#dose' - 6
picture loo '#loo' evolved 4
picture null '#null' - 4
[ $made -gt 0 ] || { echo "there is no picture of the name${wanted% }" >&2; exit 1; }
