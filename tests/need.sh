# need.sh - sourced by the scripts that promise to work on a fresh machine.

# need LIST PART... - install those packages of the parts of LIST that are missing, as root or through sudo.
# When nothing is missing, apt is not called at all.
need() {
    local list=$1 part pkg missing=()
    shift
    for part in "$@"; do
        for pkg in $(awk -v part="$part" '$1 == part { print $2 }' "$list"); do
            [ "$(dpkg-query -W -f '${db:Status-Status}' "$pkg" 2>/dev/null)" = installed ] || missing+=("$pkg")
        done
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    local root=()
    [ "$(id -u)" = 0 ] || root=(sudo)
    echo "installing ${missing[*]}" >&2
    "${root[@]}" apt-get update -q >&2 &&
        "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
}
