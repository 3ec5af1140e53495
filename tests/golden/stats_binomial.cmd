prime stats binomial --k 1 --n 250
prime stats binomial --k 7 --n 20 --alpha 0.01
