# A secret salt comes from a file that its owner alone may read; the dataset keeps only a hash of it.
printf 'correct horse battery staple\nsecond line\n' >salt
chmod 644 salt
prime data synth --out d --users 2 --records 4 --salt-file salt; echo "exit $?"
chmod 600 salt
prime data synth --out d --users 2 --records 4 --salt-file salt -q; echo "exit $?"
prime data synth --out e --users 2 --records 4 --salt 'correct horse battery staple' -q
cmp d/users.csv e/users.csv && echo "the same ids"
grep -r 'horse battery' d || echo "the salt is not in the dataset"
stat -c '%a %n' d d/users.csv
printf 'short\n' >few && chmod 600 few
prime data synth --out f --users 2 --records 4 --salt-file few; echo "exit $?"
prime data synth --out f --users 2 --records 4 --salt-file none; echo "exit $?"
