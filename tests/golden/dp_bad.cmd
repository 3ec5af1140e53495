# Whatever is refused: exit code 2, or 1 where there is no such number; nothing on standard output.
say() { prime dp "$@"; echo "exit $?" >&2; }
say epsilon --q 0.01 --sigma 1 --steps 10
say epsilon --q 0 --sigma 1 --steps 10 --delta 1e-5
say epsilon --q 1.01 --sigma 1 --steps 10 --delta 1e-5
say epsilon --q 0.1 --sigma 0 --steps 10 --delta 1e-5
say epsilon --q 0.1 --sigma -1 --steps 10 --delta 1e-5
say epsilon --q 0.1 --sigma 1 --steps 0 --delta 1e-5
say epsilon --q 0.1 --sigma 1 --steps 10 --delta 0
say epsilon --q 0.1 --sigma 1 --steps 10 --delta 1
say epsilon --q 0.1 --sigma 1 --steps 10 --delta 1e-5 --accountant moments
say epsilon --q 0.1 --sigma 1 --steps 10 --delta 1e-40 --accountant prv
say epsilon --q nan --sigma 1 --steps 10 --delta 1e-5
say epsilon --q 0.5 --sigma 0.01 --steps 1 --delta 1e-5 --accountant prv
say rdp --q 0.1 --sigma 1
say rdp --q 0.1 --sigma 1 --alpha 1
say sigma --q 0.1 --steps 10 --delta 1e-5
say sigma --epsilon 0 --q 0.1 --steps 10 --delta 1e-5
say sigma --epsilon 1e9 --q 0.1 --steps 10 --delta 1e-5
say gaussian --sigma 1
say gaussian --sigma 0 --delta 1e-5
say gaussian --sigma 1 --delta 2
say gaussian --sigma 1 --delta 0.1 --sensitivity 0
say audit --m 100 --guesses 20 --correct 21 --delta 0
say audit --m 100 --guesses 120 --correct 21 --delta 0
say audit --m 0 --guesses 0 --correct 0 --delta 0
say audit --m 100 --guesses 20 --correct 18 --delta 1
say audit --m 100 --guesses 20 --correct 18 --delta 0 --p 0
say audit --m 100 --guesses 20 --correct 18 --delta 0 --method one-run-fdp
say audit --m 100 --guesses 20 --correct 18 --delta 0 --method gdp
say audit --m 100 --guesses 20 --correct 18 --delta 0 --alpha 0.1
say audit --tp 1 --fn 1 --fp 1 --delta 0
say audit --tp 0 --fn 0 --fp 1 --tn 1 --delta 0
say audit --tp 1 --fn 1 --fp 1 --tn 1 --delta 0 --alpha 1
say audit --tp 1 --fn 1 --fp 1 --tn 1 --delta 0 --thresholds 0
say audit --tp 1 --fn 1 --fp 1 --tn 1 --delta 0 --method one-run
say audit --tp 1 --fn 1 --fp 1 --tn 1 --delta 0 --p 0.1
