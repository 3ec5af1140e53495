# Two people are too few to grade; nothing learnt is a breach. Scores depend on the processor: verdicts alone are shown.
run() {
    prime attack selftest -q --model "$FIXTURES/base" --records 10 --epochs 1 --repeats 20 "$@" >out.csv
    echo "exit $?"
    head -1 out.csv
    awk -F, '$1 != "null" && $7 != "" { print $1 "," ($1 == "power" ? "strongest" : $2) "," $6 "," $7 }' out.csv
    awk -F, '$1 == "null" { print $1 "," $2 "," $6 }' out.csv
    grep -c 'cannot grade' out.csv
}
run --people 2
run --people 3 --lr 1e-9
rm out.csv
prime attack selftest --people 1
prime attack selftest --model nowhere --people 2
