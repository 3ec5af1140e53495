prime stats power --users 10 --records 30 --icc 0.1
prime stats power --users 3 --other-users 47 --records 50 --other-records 20 --icc 0.2 --power 0.9 | tail -n 1
prime stats power --users 10 --records 30 --icc 0.1 --same-people --auc 0.6 | tail -n 1
prime stats power --users 2 --records 1 --level 0.9999 | tail -n 1
