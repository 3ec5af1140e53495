# One question of each task of LaMP, in the benchmark's own words.
ln -s "$FIXTURES/lamp" l
for t in LaMP_1 LaMP_2M LaMP_2N LaMP_3 LaMP_4 LaMP_5 LaMP_6 LaMP_7; do
    name=
    case $t in LaMP_2*) name="--task $t" ;; esac
    prime data import --format lamp --questions l/${t}_questions.json --outputs l/${t}_outputs.json $name \
        --heldout 0.5 --base-share 0 --out $t -q
    cat $t/$t.jsonl
done
cat LaMP_2M/dataset.json LaMP_2M/users.csv
prime data info LaMP_1
prime data import --format lamp --questions l/LaMP_2M_questions.json --outputs l/LaMP_2M_outputs.json --out x
prime data import --format lamp --questions l/LaMP_4_questions.json --outputs l/LaMP_5_outputs.json -t LaMP_4 --out x
