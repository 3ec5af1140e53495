prime data info nowhere
prime data synth --seed 3 --users 2 --records 8 --out d -q
sed -i 's/audit/gold/' d/users.csv
prime data info d
