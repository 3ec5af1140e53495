# What an audit would do, before it does; nothing is written.
. $GOLDEN/in/small_audit.sh
prime plan a.yaml -q --no-provenance
prime sweep a.yaml -q --no-provenance --dry-run >dry; prime plan a.yaml -q --no-provenance | cmp - dry
prime sweep a.yaml -q --no-provenance --dry-run --lambda 0,1,2 | grep evaluations
prime plan a.yaml -q --no-provenance --json | sed -n '1,4p;/AUC/p;/correlation/p'
# With the speed of this machine: the same rows, and more.
prime plan a.yaml -q >full
head -$(wc -l <dry) full | cmp - dry
tail -n +$(($(wc -l <dry) + 1)) full | sed 's/,[0-9.e+-]*$//'
rm -r a.yaml b d full dry
