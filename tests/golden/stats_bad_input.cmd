fails() { prime stats "$@" && echo "no failure: $*"; echo "exit $?"; }
printf 'label,score\n1,0.5\n2,3\n' | fails auc -
printf 'label,score\n1,0.5\n0,abc\n' | fails auc -
printf 'label,score\n1,0.5\n1,3\n' | fails auc -
printf 'label,scores\n1,0.5\n0,3\n' | fails auc -
printf 'label,score,cluster\n1,0.5,\n0,3,a\n' | fails auc -
printf 'label,score\n1,0.5\n0,3\n' | fails auc --ci clustered -
printf 'label,score\n1,0.5\n0,3\n' | fails auc --ci logit -
printf 'label,score\n1,0.5\n0,3\n' | fails auc --level 1 -
printf '' | fails auc -
fails auc nowhere.csv
fails binomial --k 5 --n 3
fails binomial --k 5
fails binomial --k 1 --n 3 --alpha 0
printf 'p\n0.5\n1.5\n' | fails adjust --method holm -
printf 'p\n0.5\n' | fails adjust --method holmes -
printf 'p\n0.5\n' | fails adjust -
