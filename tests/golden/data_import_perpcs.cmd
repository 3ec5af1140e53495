# People as OPPU and Per-Pcs have them, with texts about them; held out at random, and by time.
ln -s "$FIXTURES/lamp" l
for by in random time; do
    prime data import --format perpcs --task LaMP_4 --base l/user_base_LLM.json --by $by --out $by \
        --anchors l/user_anchor_candidate.json --test l/user_test_100.json --profiles l/profiles.jsonl
    cat $by/LaMP_4.jsonl
done
cat time/users.csv time/parts.csv time/profiles.jsonl
prime data info time | grep -E 'records|check'
prime data import --format perpcs --task LaMP_4 --anchors l/user_anchor_candidate.json --profiles l/profiles.json --out p -q
cat p/profiles.jsonl
prime data import --format perpcs --anchors l/user_anchor_candidate.json --out x
