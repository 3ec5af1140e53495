#!/usr/bin/env bash
# check_layers.sh [ROOT] - the walls of the house, checked in every #include and every call under ROOT/src:
# rooms use only the rooms below that the table allows, a library's header is included by its owner alone, and
# nothing below cli prints or exits. One line per violation on stdout; exit 1 if there is one.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/..}"

# ROOM: the rooms that it may use (base is always allowed).
rooms='
base:
num:
io:
ledger:
lora:     num io
evolve:   num
report:   ledger num io
model:    lora num io
merge:    lora num
attack:   model lora num io
task:     model num io
dp:       model num
run:      attack task dp model merge lora evolve num io ledger
cli:      run report attack task dp model merge lora evolve num io ledger
'
# HEADER (or its folder) = the one room that may include it.
owners='
cblas.h=num lapacke.h=num openblas_config.h=num gsl=num oneapi=num
csv.h=io jansson.h=io yaml.h=io cyaml=io pcre2.h=io utf8proc.h=io
sqlite3.h=ledger
mpi.h=run
zlib.h=attack
sha2.h=base sha256.h=base sha512.h=base md5.h=base
getopt.h=cli
'
# Public headers whose room has no source of the same name.
homes='
sort=num
'

# owner_of_header - X=ROOM for each include/prime/X.h that some src/ROOM/X.c stands for.
owner_of_header() {
    local f
    for f in src/*/*.c; do
        [ -e "$f" ] && echo "$(basename "$f" .c)=$(basename "$(dirname "$f")")"
    done
    echo "$homes"
}

files=$(find src include -name '*.[ch]' | LC_ALL=C sort)
[ -n "$files" ] || { echo "no sources under $PWD"; exit 1; }
awk -f "$here/strip.awk" $files |
    awk -v rooms="$rooms" -v owners="$owners" -v homes="$(owner_of_header)" '
    function complain(what) { print where ": " what; bad = 1 }
    function pairs(text, to,    n, i, kv, item) {
        n = split(text, item, /[ \n]+/)
        for (i = 1; i <= n; i++)
            if (split(item[i], kv, "=") == 2) to[kv[1]] = kv[2]
    }
    function may_use(room, other) {
        return other == room || other == "base" || index(uses[room] " ", " " other " ") > 0
    }
    BEGIN {
        n = split(rooms, row, "\n")
        for (i = 1; i <= n; i++)
            if (split(row[i], kv, ":") == 2) { gsub(/ +/, " ", kv[2]); uses[kv[1]] = " " kv[2]; known[kv[1]] = 1 }
        pairs(owners, owner)
        pairs(homes, home)
    }
    {
        split($0, part, ":")
        file = part[1]
        where = part[1] ":" part[2]
        text = substr($0, length(where) + 2)
        split(file, dir, "/")
        room = dir[2]
        if (file ~ /^include\//) {
            name = dir[3]
            sub(/\.h$/, "", name)
            room = name in home ? home[name] : ""
        } else if (!(room in known)) {
            complain("room \"" room "\" is not in the table")
            next
        }
    }
    text ~ /^[ \t]*#[ \t]*include/ {
        name = text
        sub(/^[^<"]*[<"]/, "", name)
        sub(/[>"].*$/, "", name)
        lib = name
        sub(/\/.*$/, "", lib)
        if (lib in owner && owner[lib] != room) complain("<" name "> belongs to " owner[lib] ", included by " room)
        if (name ~ /^prime\//) {
            sub(/^prime\//, "", name)
            sub(/\.h$/, "", name)
            if (!(name in home)) {
                if (file ~ /^src\//) complain("prime/" name ".h has no room: no src/*/" name ".c")
            } else if (room != "" && !may_use(room, home[name]))
                complain(room " may not use " home[name] " (prime/" name ".h)")
        } else if (text ~ /"/ && name ~ /\//)
            complain("\"" name "\" reaches into another folder")
        next
    }
    room != "cli" {
        if (match(text, /(^|[^A-Za-z0-9_.>])(printf|vprintf|puts|putchar|perror|exit|_exit|_Exit|quick_exit|abort)[ ]*\(/)) {
            word = substr(text, RSTART, RLENGTH)
            gsub(/[^A-Za-z_]/, "", word)
            complain(word "() below cli")
        }
        if (match(text, /(^|[^A-Za-z0-9_])(stdout|stderr)([^A-Za-z0-9_]|$)/))
            complain("standard output or error used below cli")
    }
    END { exit bad }'
