printf 'label,score,cluster\n1,2,a\n0,1,b\n1,1.5,c\n0,2.5,d\n' | prime stats auc -
printf 'label,score\n1,2\n0,1\n' | prime stats auc -
