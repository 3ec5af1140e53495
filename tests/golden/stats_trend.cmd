awk 'BEGIN { print "user,lambda,value"; for (u = 0; u < 6; u++) for (l = 0; l < 4; l++)
    print "u" u "," l / 2 "," 0.6 + 0.02 * u - 0.03 * l + 0.01 * ((7 * u + 5 * l) % 4) }' >values.csv
prime stats trend --seed 3 --reps 1000 values.csv
prime stats trend --way up --seed 3 --reps 1000 - <values.csv | tail -n 2
rm values.csv
