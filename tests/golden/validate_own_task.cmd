# A task beside the data is as good as one of the table.
mkdir d
printf 'query:\n  fields: [t]\n  prompt: "T: {t}"\n  metrics: [rouge1]\n' >d/bug.task.yaml
printf 'task: bug\ndata: d\nbase: b\nlambda: 0:1:0.5\nutility: {score: generate}\nsearch: {score: generate}\n' >a.yaml
prime validate a.yaml | head -n 3
prime validate a.yaml --set utility.score=labels
prime validate a.yaml --set task=bugs
printf 'query:\n  fields: [t]\n  prompt: "T: {u}"\n  metrics: [rouge1]\n' >d/bug.task.yaml
prime validate a.yaml
