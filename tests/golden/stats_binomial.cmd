prime stats binomial --k 1 --n 250
prime stats binomial --k 7 --n 20 --alpha 0.01
prime stats binomial --k 60 --n 100 --null 0.5
prime stats binomial --k 60 --n 100 --null 1.5
