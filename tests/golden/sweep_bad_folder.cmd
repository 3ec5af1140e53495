printf 'task: synth_tag\ndata: d\nbase: b\n' >a.yaml
prime sweep a.yaml --out /proc/nope
prime sweep a.yaml --out a.yaml
