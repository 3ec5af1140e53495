# Every instrument once. The numbers of other programs: tests/unit/dp.
prime dp epsilon --q 0.01 --sigma 1 --steps 1000 --delta 1e-5
prime dp epsilon --q 0.01 --sigma 1 --steps 1000 --delta 1e-5 --accountant prv
prime dp epsilon --q 0.01 --sigma 1 --steps 1000 --delta 1e-5 --accountant gdp
prime dp epsilon --q 0.001 --sigma 1 --steps 1 --delta 1e-3
prime dp rdp --q 0.04 --sigma 1.5 --alpha 8
prime dp rdp --q 0.04 --sigma 1.5 --alpha 1.1
prime dp sigma --epsilon 2 --delta 1e-5 --q 0.01 --steps 1000
prime dp sigma --epsilon 2 --delta 1e-5 --q 0.01 --steps 1000 --accountant prv
prime dp gaussian --sigma 0.5 --delta 1e-5
prime dp gaussian --sigma 10 --delta 1e-5 --sensitivity 20
prime dp audit --m 1000 --guesses 100 --correct 80 --delta 1e-5
prime dp audit --m 1000 --guesses 100 --correct 80 --delta 1e-5 --p 0.01
prime dp audit --m 1000 --guesses 100 --correct 80 --delta 1e-5 --method one-run-fdp
prime dp audit --m 1000 --guesses 1000 --correct 500 --delta 1e-5 --method one-run-fdp
prime dp audit --tp 90 --fn 10 --fp 5 --tn 95 --delta 1e-5
prime dp audit --tp 90 --fn 10 --fp 5 --tn 95 --delta 1e-5 --alpha 0.1 --thresholds 10
prime dp audit --tp 90 --fn 10 --fp 5 --tn 95 --delta 1e-5 --method gdp
