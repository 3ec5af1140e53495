prime version --sede 3
