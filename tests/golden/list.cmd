prime list
# Every kind has rows, and every row a name, a meaning and a source: no cell is empty.
prime list | tail -n +2 | cut -d, -f1 | while read -r kind; do
    prime list $kind >rows
    echo "$kind: $(head -1 rows), $(($(wc -l <rows) > 1 ? 1 : 0)) $(grep -c -e '^,' -e ',,' -e ',$' rows)"
done
prime list merge
prime list attaks; echo $?
prime list zzzzzz; echo $?
prime list merge task; echo $?
rm rows
