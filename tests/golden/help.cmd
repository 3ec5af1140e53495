prime --help | sed -n 1,2p
