prime version >/dev/full
