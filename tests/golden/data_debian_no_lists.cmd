prime data debian --lists nowhere --out d
prime data debian --lists nowhere
prime data debian --lists nowhere --out d --min-records 2
