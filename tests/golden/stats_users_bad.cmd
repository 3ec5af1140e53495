fails() { prime stats "$@" && echo "no failure: $*"; echo "exit $?"; }
printf 'label,score\n1,2\n0,1\n' | fails permutation --test whole -
printf 'label,score,cluster\n1,2,a\n0,1,a\n' | fails permutation --test whole -
printf 'label,score,cluster\n1,2,a\n0,1,a\n' | fails permutation --test users -
printf 'label,score,cluster\n1,2,a\n0,1,a\n' | fails permutation --test sign -
printf 'label,score\n1,2\n' | fails permutation -
printf 'label,score\n1,2\n' | fails roc -
fails power --users 10
fails power --users 1 --records 5
fails power --users 10 --records 5 --icc 1
fails power --users 10 --records 5 --auc 0.6 --power 0.9
fails power --users 10 --records 5 --other-users 9 --same-people
fails power --users 10 --records 5 --power 1
printf 'user,method,value\nx,p,1\nx,q,2\ny,p,1\n' | fails paired -
printf 'user,method,value\nx,p,1\ny,p,2\n' | fails paired -
printf 'user,method,value\n' | fails paired -
printf 'user,a,b\nx,1,two\n' | fails paired -
printf 'user,a,b\n' | fails paired -
printf 'user,a,b\n,1,2\n' | fails paired -
printf 'user,methods,value\nx,p,1\n' | fails paired -
printf 'user,a,b\nx,1,2\n' | fails paired --a a -
printf 'user,a,b\nx,1,2\n' | fails paired --a a --b c -
printf 'user,a,b\nx,1,2\n' | fails paired --a a --b a -
printf 'user,a,b\nx,1,2\n' | fails paired --level 1 -
printf 'user,a,b\nx,1,2\n' | fails equivalence -
printf 'user,a,b\nx,1,2\n' | fails equivalence --margin 0 -
printf 'user,a,b\nx,1,2\n' | fails equivalence --margin 1 --alpha 0.5 -
printf 'user,method,value\nx,p,1\nx,q,2\nx,r,2\n' | fails equivalence --margin 1 -
printf 'user,a,b\nx,1,2\n' | prime stats equivalence --margin 1 -
printf 'user,method,value\nx,p,1\nx,q,2\n' | fails friedman -
printf 'user,method,value\nx,p,1\nx,q,2\n' | fails friedman --posthoc tukey -
printf 'user,lambda,value\nx,0,1\nx,0.5,2\ny,0,1\n' | fails trend -
printf 'user,lambda,value\nx,0,1\ny,0,1\n' | fails trend -
printf 'user,lambda,value\nx,low,1\n' | fails trend -
printf 'user,lambda,value\nx,0,1\nx,1,2\n' | fails trend --way sideways -
