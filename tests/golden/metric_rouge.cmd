cat >pairs.csv <<'EOF'
id,target,prediction
1,"sort long lists, by several keys",sort lists by one key
2,eat old mail by rules,
EOF
prime metric rouge pairs.csv
printf 'target,prediction\nsorted lists,sorting the list\n' | prime metric rouge --stemmer -
