#!/usr/bin/env bash
# house.sh - TAP: the tree obeys its own rules, and each rule catches a violation that is planted for it.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
count=0

# verdict NAME STATUS OUTPUT - one TAP line; status 77 is a skip.
verdict() {
    count=$((count + 1))
    case $2 in
    0) echo "ok $count - $1" ;;
    77) echo "ok $count - $1 # SKIP $3" ;;
    *) echo "not ok $count - $1"; sed 's/^/# /' <<<"$3" ;;
    esac
}

# holds CHECK - the check passes on this tree.
holds() {
    local out status
    out=$("$here/check_$1.sh" 2>&1)
    status=$?
    verdict "the tree passes check_$1" $status "$out"
}

# plant CHECK FILE - run the check over a small clean tree with stdin as FILE; sets out and status.
plant() {
    rm -rf "$tmp/house"
    mkdir -p "$tmp/house/"{src/base,src/num,include/prime,tests} "$(dirname "$tmp/house/$2")"
    cp "$here"/../.clang-{format,tidy} "$tmp/house/"
    echo '#include <stddef.h>' | tee "$tmp/house/include/prime/"{err,mat}.h >/dev/null
    touch "$tmp/house/src/"{base/err.c,num/mat.c}
    cat >"$tmp/house/$2"
    out=$("$here/check_$1.sh" "$tmp/house" 2>&1)
    status=$?
}

# catches CHECK WORDS FILE - with stdin as FILE the check fails and says WORDS.
catches() {
    plant "$1" "$3"
    if [ $status = 1 ] && grep -qF -- "$2" <<<"$out"; then status=0
    elif [ $status != 77 ]; then status=1; fi
    verdict "check_$1 catches: $2" $status "$out"
}

# allows CHECK WHAT FILE - with stdin as FILE the check passes.
allows() {
    plant "$1" "$3"
    verdict "check_$1 allows $2" $status "$out"
}

holds layers
holds style
holds format
holds exports
holds cppcheck
holds tidy
holds threats
holds clones
${CC:-cc} -O2 -o "$tmp/clones" -x c - <<<'__attribute__((noinline)) static int part(int a) { __asm__(""); return a + 1; }
__attribute__((target_clones("default", "arch=x86-64-v4"))) int whole(int a) { return 2 * part(a); }
int main(int n, char **v) { (void)v; return whole(n) - 4; }' 2>/dev/null || : # no such functions here: nothing is said
out=$("$here/check_clones.sh" "$tmp/clones" 2>&1)
status=$?
case "$status $out" in '1 <whole.arch_x86_64_v4> calls <part>'*) status=0 ;; 77*) ;; *) status=1 ;; esac
verdict 'check_clones catches: a part compiled for the oldest processor' $status "$out"
catches layers 'base may not use num' src/base/up.c <<<'#include "prime/mat.h"'
catches layers 'io may not use num' src/io/side.c <<<'#include "prime/mat.h"'
catches layers 'base may not use num' include/prime/err.h <<<'#include "prime/mat.h"'
catches layers '<cblas.h> belongs to num' src/model/fwd.c <<<'#include <cblas.h>'
catches layers '<gsl/gsl_cdf.h> belongs to num' src/report/front.c <<<'#include <gsl/gsl_cdf.h>'
catches layers '<sqlite3.h> belongs to ledger' src/report/front.c <<<'#include <sqlite3.h>'
catches layers 'reaches into another folder' src/report/front.c <<<'#include "../num/mat_priv.h"'
catches layers 'no src/*/nobody.c' src/num/a.c <<<'#include "prime/nobody.h"'
catches layers 'room "shed" is not in the table' src/shed/a.c <<<'int a;'
catches layers 'printf() below cli' src/io/a.c <<<'    printf("hello");'
catches layers 'exit() below cli' src/io/a.c <<<'    if (bad) exit(1);'
catches layers 'standard output or error used below cli' src/io/a.c <<<'    fprintf(stderr, "hello");'
allows layers 'words in comments, strings and longer names' src/num/a.c <<<'/* printf("x") */ // exit(1)
#include <cblas.h>
#include "prime/err.h"
char *s = "puts(x) stdout";
void f(void) { snprintf(b, 2, "x"); str_puts(b, s); fprintf(to, "x"); }'
catches style 'function twin_make is also in src/num/b.c:1' src/num/b.c <<<'static void twin_make(void)
{
}
static int *twin_make(int a,
                      int b)
{
}'
catches style 'over 600 lines' src/num/long.c < <(yes 'int a;' | head -601)
catches style 'function long_one is over 100 lines' src/num/b.c < <(echo 'int long_one(void)'; echo '{'
    yes '    a();' | head -99; echo '}')
catches format 'src/num/b.c: not formatted' src/num/b.c <<<'int   a;'
catches cppcheck 'arrayIndexOutOfBounds' src/num/b.c <<<'int over(void);
int over(void)
{
    int a[2] = {1, 2};
    return a[2];
}'
catches tidy 'bugprone-suspicious-semicolon' src/num/b.c <<<'int none(int a);
int none(int a)
{
    if (a > 1);
    return a;
}'
catches threats 'no Test(nobody, wrote_it)' docs/threats.md <<<'| a | b | `nobody/wrote_it` |'
echo "1..$count"
