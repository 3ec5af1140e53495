# A merge that is cut and noised before it is written.
ids() { ls -d $FIXTURES/models/llama_tied/adapters/*/ | head -2; }
merge() {
    prime adapter merge --model $FIXTURES/models/llama_tied "$@" $(ids) --no-provenance 2>said
    set -- $?
    sed "s|$FIXTURES||" said >&2
    rm said
    return $1
}
merge --out plain >/dev/null
merge --out a --release-clip 2 --release-sigma 1 --release-delta 1e-4 | grep release
merge --out b --release-clip 2 --release-sigma 1 --release-delta 1e-4 -q >/dev/null
merge --out c --release-clip 2 --release-sigma 1 --release-delta 1e-4 -q --seed 2 >/dev/null
cmp a/adapter_model.safetensors b/adapter_model.safetensors && echo same
cmp -s a/adapter_model.safetensors c/adapter_model.safetensors || echo different
# sigma 1 at clip 2: sensitivity 4 and noise 2, as the instrument says.
prime dp gaussian --sigma 2 --sensitivity 4 --delta 1e-4
merge --out d --release-clip 2
merge --out d --release-sigma 2
merge --out d --release-clip 2 --release-sigma 0
merge --out d --release-clip 0 --release-sigma 1
merge --out d --release-clip 1 --release-sigma 1 --release-delta 0
