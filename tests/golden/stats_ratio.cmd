prime stats ratio --tp 100 --n-pos 110 --fp 10 --n-neg 80
prime stats ratio --tp 0 --n-pos 50 --fp 0 --n-neg 50 --alpha 0.01
prime stats ratio --tp 3 --n-pos 2 --fp 0 --n-neg 50
prime stats ratio --tp 3 --n-pos 5 --fp 0 --n-neg 50 --alpha 0.5
prime stats ratio --tp 3 --n-pos 5 --fp 0
