prime data debian --lists "$FIXTURES/debian_lists" --out d --min-records 4
cat d/users.csv
tail -n 1 d/deb_synopsis.jsonl
