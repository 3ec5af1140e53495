unset OPENBLAS_CORETYPE
prime doctor | cut -d, -f1
prime doctor --threads 3 | grep threads
OPENBLAS_CORETYPE=Haswell prime doctor | grep CORETYPE
prime doctor --json | sed -n '1,2p;/processors/s/[0-9][0-9]*/N/p'
prime doctor all; echo $?
