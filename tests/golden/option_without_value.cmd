prime version --threads
