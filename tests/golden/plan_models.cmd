# Models and machines that are not here.
prime plan --models 7B,70B --nodes 16 --cores 64 --gflops 60
prime plan --models 7B --work targets=10 --work lambdas=1 --work seeds=1 | grep -e cells -e 'time, all'
prime plan --models 7X
prime plan --models 7B --work target=3
prime plan --models 7B --work targets=0
prime plan
prime plan a.yaml --models 7B
prime plan --models 7B --memory 4GB
