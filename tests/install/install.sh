#!/usr/bin/env bash
# install.sh BUILD - TAP: `meson install` puts everything where it belongs, and a program that knows pkg-config alone is
# built and run against it. Installs into a temporary folder, once with DESTDIR and once moved to where it would be.
set -uo pipefail
source=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:?build folder}" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
. "$source/tests/tap.sh"

DESTDIR=$tmp/root meson install -C "$build" --no-rebuild >"$tmp/log" 2>&1
verdict $? "meson install into a DESTDIR" "$tmp/log"
# The prefix that the build was configured with, moved into the temporary folder.
at=$(dirname "$(dirname "$(find "$tmp/root" -path '*/bin/prime')")")
pc=$(find "$at" -name prime.pc)
lib=$(dirname "$(find "$at" -name libprime.so)")
prime=$at/bin/prime share=$at/share/prime

cat >"$tmp/want" <<'X'
bin/prime
include/prime/lora.h
share/bash-completion/completions/prime
share/doc/prime/README.md
share/doc/prime/docs/tutorial.md
share/doc/prime/reports/README.md
share/man/man1/prime-sweep.1
share/man/man1/prime.1
share/prime/audits/debian-synopsis/audit.yaml
share/prime/audits/debian-synopsis/gates.csv
share/prime/examples/merge_score.c
share/prime/fixtures/base/model.safetensors
X
(cd "$at" && while read -r f; do [ -s "$f" ] || echo "no $f"; done <"$tmp/want") >"$tmp/out"
[ -f "$lib/libprime.so" ] && [ -f "$lib/libprime.a" ] && [ -f "$pc" ] || echo "no library in $lib" >>"$tmp/out"
[ ! -s "$tmp/out" ]
verdict $? "program, libraries, headers, pages, completion, audits, example and base model are there" "$tmp/out"
diff <(ls "$source/include/prime") <(ls "$at/include/prime") >"$tmp/out"
verdict $? "every public header, and no other" "$tmp/out"
readelf -d "$lib/libprime.so" | grep -q 'SONAME.*libprime.so.0'
verdict $? "the shared library has a versioned name"

"$source/tests/check_exports.sh" "$lib/libprime.so" >"$tmp/out" 2>&1
verdict $? "the shared library exports what the headers declare" "$tmp/out"
echo 'int no_such_symbol(void); int main(void) { return no_such_symbol(); }' >"$tmp/bad.c"
cc -shared -fPIC -Wl,--unresolved-symbols=ignore-all -Wl,-soname,x "$tmp/bad.c" -o "$tmp/bad.so"
! "$source/tests/check_exports.sh" "$tmp/bad.so" >"$tmp/out" 2>&1 && grep -q 'missing: lora_load' "$tmp/out" &&
    grep -q 'too much: main' "$tmp/out"
verdict $? "a library that exports something else is noticed" "$tmp/out"

# A program outside of the tree; the folder of the prefix is not where it says.
export PKG_CONFIG_PATH=$(dirname "$pc") LD_LIBRARY_PATH=$lib
flags() { pkg-config --define-variable=prefix="$at" "$@" prime; }
: >"$tmp/out"
for h in "$at"/include/prime/*.h; do
    echo "#include <prime/$(basename "$h")>" >"$tmp/one.c"
    cc -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only $(flags --cflags) "$tmp/one.c" >>"$tmp/out" 2>&1
done
[ ! -s "$tmp/out" ]
verdict $? "each header compiles alone, as strict C11" "$tmp/out"

cp "$share/examples/merge_score.c" "$tmp/" && cd "$tmp" || exit 1
cc -O1 -Wall -Wextra -Werror merge_score.c $(flags --cflags --libs) -o merge_score >out 2>&1
verdict $? "the example is built by pkg-config's flags" out
cc -O1 merge_score.c $(flags --cflags) "$lib/libprime.a" $(flags --libs --static) -o merge_static >out 2>&1
verdict $? "and against the static library" out
[ -x merge_static ] && ! ldd merge_static | grep -q libprime
verdict $? "which is then in it"

base=$share/fixtures/base
"$prime" data synth --users 6 --records 12 --seed 5 --out people -q &&
    for i in 1 2; do
        "$prime" adapter train -m "$base" -d people -t synth_headline -q --epochs 1 -o "a$i" \
            -u "$(sed -n 's/.*"user": *"\([^"]*\)".*/\1/p' people/synth_headline.jsonl | uniq | sed -n "${i}p")" || break
    done >out 2>&1
[ -f a2/adapter_model.safetensors ]
verdict $? "the installed program trains two adapters on the installed base model" out
./merge_score "$base" a1 a2 'Write a headline:' ' a quiet evening' >got 2>out
verdict $? "the example runs" out
./merge_static "$base" a1 a2 'Write a headline:' ' a quiet evening' | cmp - got
verdict $? "the static one says the same"
echo '{"prompt":"Write a headline:","answer":" a quiet evening"}' >row.jsonl
for a in '' '-a a1=0.5 -a a2=0.5'; do "$prime" model score "$base" row.jsonl $a | sed 1d; done >want
awk -F, 'NR == FNR { n[NR] = $2; x[NR] = $3; next }
    { if ($2 != n[FNR - 1] && FNR > 1) bad = 1; d = $3 - x[FNR - 1]; if (FNR > 1 && d * d > 1e-8 * $3 * $3) bad = 1 }
    END { exit bad || FNR != 3 || x[1] == x[2] }' want got
verdict $? "and what the program says of the same adapters, to 1e-4" <(cat want got)
./merge_score nowhere a1 a2 x y >got 2>out
[ $? = 1 ] && [ ! -s got ] && grep -q nowhere out
verdict $? "a model that is not there is an error with its name" out
"$prime" validate "$share/audits/debian-synopsis/audit.yaml" >out 2>&1
verdict $? "an installed audit is valid" out
echo "1..$count"
