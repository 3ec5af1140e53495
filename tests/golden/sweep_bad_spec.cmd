prime sweep nowhere.yaml
printf 'task: deb_synopsis\ndata: d\nbase: b\nlamda: [1]\n' >a.yaml
prime sweep a.yaml
printf 'task: deb_synopsis\ndata: d\nbase: b\nlambda: [0, -1]\n' >a.yaml
prime validate a.yaml
printf 'task: deb_synopsis\ndata: d\nbase: b\ntargets: {count: 0}\n' >a.yaml
prime plan a.yaml
printf 'task: deb_synopsis\ndata: d\nbase: b\n' >a.yaml
prime sweep a.yaml --set evolve.budjet=3
prime sweep a.yaml --lambda 0:1
prime sweep a.yaml --lambda 0:1:0.5 --set targets.count=many
prime sweep
prime sweep a.yaml b.yaml
