prime data synth --seed 3 --users 6 --records 8 --base 0.4 --out d -q
prime data split d --by random --seed 8 --history 0.25 --query 0.5 --out r
prime data info r | grep -E ',records,|check'
tail -n 28 r/dataset.json
prime data split d --by user --history 0.5 --query 0.2 --out u
cat u/users.csv
prime data split d --by time --out t
prime data split d --out d
prime data split d --history 0.8 --query 0.3 --out x
prime data synth --seed 3 --users 6 --records 8 --canaries 1 --out k -q
prime data split k --out x
