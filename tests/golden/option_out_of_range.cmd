prime version --threads 0
