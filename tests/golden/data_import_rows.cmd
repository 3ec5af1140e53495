# A table of one's own with a task of one's own, as JSON lines and as CSV: the same records.
ln -s "$FIXTURES/lamp" l
map=user=who,id=no,input=product,input=report,output=title,time=day
prime data import --format jsonl l/faults.jsonl --task-file l/fault.task.yaml --map $map --out j
prime data import --format csv l/faults.csv --task-file l/fault.task.yaml --map $map --out c
cat j/fault.jsonl j/users.csv
cmp j/fault.jsonl c/fault.jsonl
prime data info j | grep -E 'records|check'
prime data import --format csv l/faults.csv --task-file l/fault.task.yaml --map $map --by time --out t -q
prime data split t --by time --history 0.5 --query 0.25 --out t2
cat t/fault.jsonl
cmp t/fault.jsonl t2/fault.jsonl
prime data import --format csv l/faults.csv --task-file l/fault.task.yaml --map user=whom,input=product,input=report,output=title --out x
prime data import --format csv l/faults.csv --task-file l/fault.task.yaml --map user=who,input=report,output=title --out x
