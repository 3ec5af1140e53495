printf 'task: synth_tag\ndata: d\nbase: b\nlambda: 0:1:0.25\n' >a.yaml
prime validate a.yaml --set seeds=4 --set evolve.operator=exact
