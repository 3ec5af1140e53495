mkdir run
prime report run
