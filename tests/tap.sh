# tap.sh - sourced by scripts that print TAP.

count=0 failed=0

# verdict STATUS NAME [FILE...] - one TAP line, the ends of the files as its comment when it is not ok.
verdict() {
    local status=$1 name=$2
    count=$((count + 1))
    shift 2
    if [ "$status" = 0 ]; then echo "ok $count - $name"; return; fi
    failed=1
    echo "not ok $count - $name"
    [ $# = 0 ] || tail -n 60 "$@" 2>&1 | cut -c 1-300 | sed 's/^/# /'
}
